//! What the methods of the collector have in common (`src/methods.rs`), so that whoever serves, calls or prints one of them need
//! not know which it is.

use std::{error::Error, fmt::Write as _};

use heck::ToUpperCamelCase as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

/// The fields that make a request one for a list, beside the namespaces, which kinds of the whole cluster do not have.
const SELECTION: [&str; 5] = ["label_selector", "field_selector", "page_size", "page_token", "limit"];

/// Numbers from here up are Gumshoe's own.
const FIRST_DERIVED: i32 = 1000;

/// Of those, what holds texts of the spec and the status: it is not in a summary.
const NOT_IN_SUMMARY: [&str; 2] = ["references", "trouble"];

/// The `oneof`s of the bridge that hold what the collector's methods take and give.
const ONEOFS: [&str; 2] = ["request", "response"];

/// What reads nothing of Kubernetes, so that it has no pages and no arms in the bridge's [`ONEOFS`].
const NO_READS: [&str; 1] = ["StatusService"];

/// Writes the traits for the requests, pages and objects of the collector's files, and the macros over the bridge's [`ONEOFS`].
pub(crate) fn write(
    collector: &[&FileDescriptorProto],
    bridge: &[&FileDescriptorProto],
) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    let messages: Vec<_> = collector.iter().flat_map(|file| &file.message_type).collect();
    let find = |name: &str| messages.iter().find(|message| name.ends_with(&format!(".{}", message.name())));
    let mut paths = Vec::new();
    for file in collector {
        for service in file.service.iter().filter(|service| !NO_READS.contains(&service.name())) {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                if let Some(request) = find(method.input_type()) {
                    write_method(&mut out, method, request, &path)?;
                }
                if let Some(page) = find(method.output_type()) {
                    write_page(&mut out, page)?;
                }
                paths.push(path);
            }
        }
    }
    writeln!(out, "/// The paths of all methods that read.\npub const PATHS: &[&str] = &{paths:?};")?;
    for message in messages.iter().filter(|message| field(message, "metadata").is_some()) {
        let name = message.name().to_upper_camel_case();
        let is_derived = |field: &FieldDescriptorProto| field.number() >= FIRST_DERIVED;
        let kept = |field: &FieldDescriptorProto| {
            field.name() == "metadata" || is_derived(field) && !NOT_IN_SUMMARY.contains(&field.name())
        };
        let kept: Vec<_> = message.field.iter().filter(|field| kept(field)).map(FieldDescriptorProto::name).collect();
        let kept: String = kept.iter().map(|name| format!("{name}: std::mem::take(&mut self.{name}), ")).collect();
        writeln!(out, "impl Object for {name} {{")?;
        writeln!(out, "    fn metadata(&self) -> Option<&ObjectMeta> {{ self.metadata.as_ref() }}")?;
        writeln!(out, "    fn summarize(&mut self) {{ *self = Self {{ {kept}..Self::default() }}; }}\n}}")?;
        if let Some(columns) = field(message, "columns") {
            let columns = rust_type(columns.type_name());
            writeln!(out, "impl Columned for {name} {{\n    type Columns = {columns};")?;
            writeln!(out, "    fn columns(&self) -> Option<&{columns}> {{ self.columns.as_ref() }}\n}}")?;
        }
    }
    for message in bridge.iter().flat_map(|file| &file.message_type) {
        for (index, oneof) in message.oneof_decl.iter().enumerate().filter(|(_, oneof)| ONEOFS.contains(&oneof.name()))
        {
            write_oneof(&mut out, message, oneof.name(), index as i32)?;
        }
    }
    Ok(out)
}

fn write_method(
    out: &mut String,
    method: &MethodDescriptorProto,
    request: &DescriptorProto,
    path: &str,
) -> std::fmt::Result {
    let [name, response] = [method.input_type(), method.output_type()].map(rust_type);
    let is_get = method.name().starts_with("Get");
    let is_list = SELECTION.iter().all(|wanted| field(request, wanted).is_some());
    writeln!(
        out,
        "impl Method for {name} {{\n    const PATH: &'static str = {path:?};\n    type Response = {response};"
    )?;
    if is_get {
        writeln!(
            out,
            "    fn as_get(&self) -> Option<(Option<&str>, &str)> {{ Some((self.namespace(), self.name())) }}"
        )?;
    }
    if is_list {
        writeln!(out, "    fn as_list(&self) -> Option<Selection<'_>> {{ Some(self.selection()) }}")?;
        writeln!(out, "    fn as_list_mut(&mut self) -> Option<SelectionMut<'_>> {{ Some(self.selection_mut()) }}")?;
    }
    if field(request, "view").is_some() {
        writeln!(out, "    fn view(&self) -> i32 {{ self.view }}")?;
        writeln!(out, "    fn view_mut(&mut self) -> Option<&mut i32> {{ Some(&mut self.view) }}")?;
    }
    writeln!(out, "}}")?;
    if is_get {
        write_get(out, &name, field(request, "namespace").is_some())?;
    }
    if is_list {
        write_list(out, &name, field(request, "namespaces").is_some())?;
    }
    Ok(())
}

fn write_get(out: &mut String, name: &str, namespaced: bool) -> std::fmt::Result {
    let (namespace, naming) = if namespaced {
        ("Some(&self.namespace)", "self.namespace = namespace.to_owned();")
    } else {
        ("None", "let _ = namespace;")
    };
    writeln!(out, "impl GetRequest for {name} {{")?;
    writeln!(
        out,
        "    fn namespace(&self) -> Option<&str> {{ {namespace} }}\n    fn name(&self) -> &str {{ &self.name }}"
    )?;
    writeln!(out, "    fn naming(mut self, namespace: &str, name: &str) -> Self {{")?;
    writeln!(out, "        {naming}\n        self.name = name.to_owned();\n        self\n    }}\n}}")
}

fn write_list(out: &mut String, name: &str, namespaced: bool) -> std::fmt::Result {
    let by = |how: &str| {
        let namespaces = if namespaced { format!("Some({how}self.namespaces)") } else { "None".to_owned() };
        let fields = SELECTION.map(|field| format!("{field}: {how}self.{field}")).join(", ");
        format!("namespaces: {namespaces}, {fields}")
    };
    writeln!(out, "impl ListRequest for {name} {{")?;
    writeln!(out, "    fn selection(&self) -> Selection<'_> {{ Selection {{ {} }} }}", by("&"))?;
    writeln!(out, "    fn selection_mut(&mut self) -> SelectionMut<'_> {{ SelectionMut {{ {} }} }}\n}}", by("&mut "))
}

/// A page has its items in field 1, where the bridge looks for them too.
fn write_page(out: &mut String, page: &DescriptorProto) -> Result<(), Box<dyn Error>> {
    let name = page.name().to_upper_camel_case();
    let is_items = |field: &&FieldDescriptorProto| field.number() == 1 && field.r#type() == Type::Message;
    let items = page.field.iter().find(is_items).ok_or_else(|| format!("{name}: field 1 has to be its items"))?;
    let (field_name, item) = (items.name(), rust_type(items.type_name()));
    let single = items.label() != Label::Repeated;
    let retain = if single {
        format!("self.{field_name} = self.{field_name}.take().filter(keep)")
    } else {
        format!("self.{field_name}.retain(keep)")
    };
    let token = field(page, "next_page_token").map_or("None", |_| "Some(&mut self.next_page_token)");
    writeln!(out, "impl Page for {name} {{\n    const ITEMS: u32 = {};\n    type Item = {item};", items.number())?;
    writeln!(out, "    const SINGLE: bool = {single};")?;
    writeln!(out, "    const ITEMS_NAME: &'static str = {:?};", items.json_name())?;
    writeln!(out, "    fn items(&self) -> &[{item}] {{ self.{field_name}.as_slice() }}")?;
    writeln!(out, "    fn retain(&mut self, keep: impl FnMut(&{item}) -> bool) {{ {retain} }}")?;
    writeln!(out, "    fn next_page_token_mut(&mut self) -> Option<&mut String> {{ {token} }}")?;
    writeln!(out, "    fn completeness_mut(&mut self) -> &mut Option<Completeness> {{ &mut self.completeness }}\n}}")?;
    Ok(())
}

/// A macro that does the same with whichever message the `oneof` holds, and how each message becomes what the `oneof` is.
fn write_oneof(out: &mut String, message: &DescriptorProto, oneof: &str, index: i32) -> std::fmt::Result {
    let arm = |field: &&FieldDescriptorProto| field.oneof_index == Some(index) && !field.proto3_optional();
    let (messages, scalars): (Vec<_>, Vec<_>) =
        message.field.iter().filter(arm).partition(|member| member.r#type() == Type::Message);
    let of_bridge = format!("bridge::v1::{}::{}", message.name().to_lowercase(), oneof.to_upper_camel_case());
    // What the oneof holds beside messages is no method's.
    let path = if scalars.is_empty() { of_bridge.clone() } else { format!("methods::{}", oneof.to_upper_camel_case()) };
    let messages: Vec<_> =
        messages.iter().map(|field| (field.name().to_upper_camel_case(), rust_type(field.type_name()))).collect();
    if !scalars.is_empty() {
        write_typed(out, oneof, &messages, &of_bridge)?;
    }
    writeln!(out, "/// Does the same with whichever {oneof} it is: `with_{oneof}!(value, {oneof} => expression)`.")?;
    writeln!(
        out,
        "#[macro_export]\nmacro_rules! with_{oneof} {{\n    ($value:expr, $name:pat => $do:expr) => {{ match $value {{"
    )?;
    for (member, _) in &messages {
        writeln!(out, "        $crate::{path}::{member}($name) => $do,")?;
    }
    writeln!(out, "    }} }};\n}}")?;
    for (member, held) in &messages {
        writeln!(out, "impl From<{held}> for crate::{path} {{")?;
        writeln!(out, "    fn from(held: {held}) -> Self {{ Self::{member}(held) }}\n}}")?;
    }
    Ok(())
}

/// The arms of a `oneof` that are messages, as an enum of their own.
fn write_typed(out: &mut String, oneof: &str, messages: &[(String, String)], of_bridge: &str) -> std::fmt::Result {
    let name = oneof.to_upper_camel_case();
    writeln!(out, "/// The {oneof} of any method: what the bridge's `{oneof}` holds, but for words.")?;
    writeln!(out, "#[allow(missing_docs)]\n#[derive(Clone, Debug, PartialEq)]\npub enum {name} {{")?;
    for (member, held) in messages {
        writeln!(out, "    {member}({held}),")?;
    }
    writeln!(
        out,
        "}}\nimpl From<{name}> for crate::{of_bridge} {{\n    fn from(typed: {name}) -> Self {{ match typed {{"
    )?;
    for (member, _) in messages {
        writeln!(out, "        {name}::{member}(held) => Self::{member}(held),")?;
    }
    writeln!(out, "    }} }}\n}}\n/// Gives back what is in words.\nimpl TryFrom<crate::{of_bridge}> for {name} {{")?;
    writeln!(out, "    type Error = crate::{of_bridge};")?;
    writeln!(out, "    fn try_from(any: crate::{of_bridge}) -> Result<Self, Self::Error> {{ match any {{")?;
    for (member, _) in messages {
        writeln!(out, "        crate::{of_bridge}::{member}(held) => Ok(Self::{member}(held)),")?;
    }
    writeln!(out, "        words => Err(words),\n    }} }}\n}}")
}

fn field<'a>(message: &'a DescriptorProto, name: &str) -> Option<&'a FieldDescriptorProto> {
    message.field.iter().find(|field| field.name() == name)
}

/// The Rust type of a message of the collector.
fn rust_type(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().to_upper_camel_case()
}
