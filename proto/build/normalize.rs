//! `Normalize` for every message of the collector.

use std::{collections::BTreeSet, fmt::Write as _};

use heck::ToUpperCamelCase as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

/// Writes `impl Normalize` for every message. prost writes the well-known types from its own crate, so only our own are walked.
pub(crate) fn write(files: &[&FileDescriptorProto]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let messages = || files.iter().flat_map(|file| &file.message_type);
    messages().try_for_each(|declared| message(&mut out, declared))?;
    let repeated = messages().flat_map(|declared| &declared.field).filter(|field| {
        field.label() == Label::Repeated
            && field.type_name().starts_with(".gumshoe.")
            && !field.type_name().ends_with("Entry")
    });
    // Of whole objects, an answer holds one decoded at a time.
    let is_object = |name: &&str| {
        messages()
            .any(|declared| declared.name() == *name && declared.field.iter().any(|field| field.name() == "columns"))
    };
    let types = repeated.filter_map(|field| field.type_name().rsplit('.').next());
    let types: BTreeSet<_> = types.filter(|name| !is_object(name)).collect();
    let sizes: Vec<_> =
        types.into_iter().map(|name| format!("({name:?}, size_of::<{}>())", name.to_upper_camel_case())).collect();
    writeln!(out, "/// What lies in lists, and how much memory each takes for itself.")?;
    writeln!(out, "#[cfg(test)]\nconst REPEATED: &[(&str, usize)] = &[{}];", sizes.join(", "))?;
    Ok(out)
}

/// Writes `impl Normalize` for one message: it clears zero times and goes on into the messages below.
fn message(out: &mut String, message: &DescriptorProto) -> std::fmt::Result {
    let name = message.name().to_upper_camel_case();
    writeln!(out, "impl Normalize for {name} {{\n    fn normalize(&mut self) {{")?;
    // Kubernetes has no `oneof`: what is in one is ours, and needs nothing.
    let in_oneof = |field: &FieldDescriptorProto| field.oneof_index.is_some() && !field.proto3_optional();
    for field in message.field.iter().filter(|field| field.r#type() == Type::Message && !in_oneof(field)) {
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
