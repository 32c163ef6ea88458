//! Compiles the `.proto` files without protoc, and writes two things beside the Rust types: the descriptor set that
//! reflection serves, and `Normalize` for every message of the collector.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

use heck::ToUpperCamelCase as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

const FILES: &[&str] = &[
    "gumshoe/collector/v1/pod.proto",
    "gumshoe/collector/v1/event.proto",
    "gumshoe/collector/v1/log.proto",
    "gumshoe/bridge/v1/command.proto",
    "gumshoe/bridge/v1/result.proto",
];

/// What lies in lists that whoever creates an object can make long: there a message takes only a pointer for what it does not
/// have. Without that, a pod with a hundred thousand volumes, which etcd takes, is 300 MB when decoded.
const BOXED: &[&str] = &[
    "Container.lifecycle",
    "Container.liveness_probe",
    "Container.readiness_probe",
    "Container.resources",
    "Container.security_context",
    "Container.startup_probe",
    "EnvFromSource.config_map_ref",
    "EnvFromSource.secret_ref",
    "EnvVar.value_from",
    "EphemeralContainer.ephemeral_container_common",
    "PodAffinityTerm.label_selector",
    "PodAffinityTerm.namespace_selector",
    "TopologySpreadConstraint.label_selector",
    "Volume.volume_source",
    "VolumeProjection",
    "VolumeSource",
    "WeightedPodAffinityTerm.pod_affinity_term",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=gumshoe");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).open_files(FILES)?;
    fs::write(out.join("descriptor_set.bin"), compiler.encode_file_descriptor_set())?;

    let descriptors = compiler.include_source_info(true).file_descriptor_set();
    let mut normalize = String::new();
    // prost writes the well-known types from its own crate, so only our packages are walked.
    for file in descriptors.file.iter().filter(|file| file.package() == "gumshoe.collector.v1") {
        for message in &file.message_type {
            write_normalize(&mut normalize, message)?;
        }
    }
    fs::write(out.join("normalize.rs"), normalize)?;

    let mut config = tonic_prost_build::Config::new();
    config.btree_map(["."]).bytes(["."]).enable_type_names();
    for path in BOXED {
        config.boxed(format!(".gumshoe.collector.v1.{path}"));
    }
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}

/// Writes `impl Normalize` for one message: it clears zero times and goes on into the messages below.
fn write_normalize(out: &mut String, message: &DescriptorProto) -> std::fmt::Result {
    let name = message.name().to_upper_camel_case();
    writeln!(out, "impl Normalize for {name} {{\n    fn normalize(&mut self) {{")?;
    for field in message.field.iter().filter(|field| field.r#type() == Type::Message) {
        let rust = rust_field(field);
        let entry =
            message.nested_type.iter().find(|nested| field.type_name().ends_with(&format!(".{}", nested.name())));
        let target = entry.map_or_else(|| field.type_name(), |entry| map_value_type(entry));
        let repeated = field.label() == Label::Repeated;
        match target {
            ".google.protobuf.Timestamp" if !repeated => {
                writeln!(out, "        clear_what_is_no_time(&mut self.{rust});")?
            }
            other if !other.starts_with(".gumshoe.") => {}
            _ if entry.is_some() => writeln!(out, "        self.{rust}.values_mut().for_each(Normalize::normalize);")?,
            _ if repeated => writeln!(out, "        self.{rust}.iter_mut().for_each(Normalize::normalize);")?,
            _ => writeln!(out, "        if let Some(below) = &mut self.{rust} {{ below.normalize(); }}")?,
        }
    }
    if name == "ObjectMeta" {
        writeln!(out, "        self.withhold_copies();")?;
    }
    writeln!(out, "    }}\n}}")
}

fn map_value_type(entry: &DescriptorProto) -> &str {
    entry.field.iter().find(|field| field.number() == 2).map_or("", FieldDescriptorProto::type_name)
}

fn rust_field(field: &FieldDescriptorProto) -> String {
    match field.name() {
        name @ ("type" | "continue" | "match" | "ref") => format!("r#{name}"),
        name => name.to_owned(),
    }
}
