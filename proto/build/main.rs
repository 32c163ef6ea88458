//! Compiles the `.proto` files without protoc, and writes beside the Rust types: the descriptor set that reflection serves,
//! `Normalize` for every message of the collector, and what its methods have in common.

mod methods;
mod normalize;

use std::{env, error::Error, fs, io, path::PathBuf};

const COLLECTOR: &str = "gumshoe.collector.v1";
const BRIDGE: &str = "gumshoe.bridge.v1";

/// What lies in lists that whoever creates an object can make long: there a message takes only a pointer for what it does not
/// have. Without that, a pod with a hundred thousand volumes, which etcd takes, is 300 MB when decoded.
const BOXED: &[&str] = &[
    "Container.lifecycle",
    "Container.liveness_probe",
    "Container.readiness_probe",
    "Container.resources",
    "Container.security_context",
    "Container.startup_probe",
    "ContainerTrouble.last_termination",
    "ContainerTrouble.terminated",
    "ContainerTrouble.waiting",
    "Endpoint.target_ref",
    "EnvFromSource.config_map_ref",
    "EnvFromSource.secret_ref",
    "EnvVar.value_from",
    "EphemeralContainer.ephemeral_container_common",
    "MetricSpec.container_resource",
    "MetricSpec.external",
    "MetricSpec.object",
    "MetricSpec.pods",
    "MetricSpec.resource",
    "MetricStatus.container_resource",
    "MetricStatus.external",
    "MetricStatus.object",
    "MetricStatus.pods",
    "MetricStatus.resource",
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
    compiler.include_imports(true).open_files(files_of(COLLECTOR)?)?.open_files(files_of(BRIDGE)?)?;
    fs::write(out.join("descriptor_set.bin"), compiler.encode_file_descriptor_set())?;

    let descriptors = compiler.include_source_info(true).file_descriptor_set();
    let of = |package| -> Vec<_> { descriptors.file.iter().filter(|file| file.package() == package).collect() };
    // With the comments, for the schemas in docs/schema.
    fs::write(out.join("described_descriptor_set.bin"), compiler.encode_file_descriptor_set())?;
    fs::write(out.join("normalize.rs"), normalize::write(&of(COLLECTOR))?)?;
    fs::write(out.join("methods.rs"), methods::write(&of(COLLECTOR), &of(BRIDGE))?)?;

    let mut config = tonic_prost_build::Config::new();
    config.btree_map(["."]).bytes(["."]).enable_type_names();
    for path in BOXED {
        config.boxed(format!(".{COLLECTOR}.{path}"));
    }
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}

/// All files of a package, in an order that does not depend on the file system.
fn files_of(package: &str) -> io::Result<Vec<PathBuf>> {
    let folder = PathBuf::from(package.replace('.', "/"));
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}
