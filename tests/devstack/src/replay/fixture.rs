//! Reads a recording of a real cluster (`tests/fixtures/recorded`, made by `make record`).

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use http::StatusCode;
use serde_json::Value;

use super::route::Resource;
use super::shop::{ContainerId, LogAnswer, Shop};
use super::wire;

pub(super) fn read(directory: &Path) -> anyhow::Result<Shop> {
    let mut shop = Shop { version: read_json(&directory.join("version.json"))?, ..Shop::default() };
    for resource in read_resources(&directory.join("resources.json"))? {
        if resource == Resource::SECRETS {
            let table = read_json(&directory.join("secrets.table.json"))?;
            for row in table["rows"].as_array().into_iter().flatten() {
                shop = shop.with(resource, row.to_string().into())?;
            }
            continue;
        }
        let path = directory.join(format!("{}.pb", resource.plural));
        let body = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let list = wire::open_list(body.into()).with_context(|| format!("read {}", path.display()))?;
        for item in list.items {
            shop = shop.with(resource, item)?;
        }
    }
    read_logs(&directory.join("logs"), &mut shop)?;
    Ok(shop)
}

/// The kinds that were recorded. Their names live as long as the process, which reads few recordings.
fn read_resources(path: &Path) -> anyhow::Result<Vec<Resource>> {
    let resources = read_json(path)?;
    let resources = resources.as_array().with_context(|| format!("{} is no list", path.display()))?;
    let text = |resource: &Value, field: &str| -> anyhow::Result<&'static str> {
        let text = resource[field].as_str().with_context(|| format!("a resource without a {field}"))?;
        Ok(text.to_owned().leak())
    };
    let read = |resource: &Value| {
        let [group, version, plural, kind] = ["group", "version", "plural", "kind"].map(|field| text(resource, field));
        Ok(Resource { group: group?, version: version?, plural: plural?, kind: kind? })
    };
    resources.iter().map(read).collect()
}

/// The container whose crash the recording is about.
pub(super) fn read_crash(directory: &Path) -> anyhow::Result<ContainerId> {
    let names = read_json(&directory.join("names.json"))?;
    let name = |part: &str| names["crashed"][part].as_str().with_context(|| format!("no {part} has crashed"));
    Ok(ContainerId::new(name("namespace")?, name("pod")?, name("container")?))
}

/// `<namespace>/<pod>/<container>[.previous].(log|error.json)`.
fn read_logs(directory: &Path, shop: &mut Shop) -> anyhow::Result<()> {
    for namespace in children(directory)? {
        for pod in children(&directory.join(&namespace))? {
            let place = directory.join(&namespace).join(&pod);
            for file in children(&place)? {
                let (container, answer) = read_log(&place.join(&file), &file)?;
                let (container, previous) = match container.strip_suffix(".previous") {
                    Some(container) => (container.to_owned(), true),
                    None => (container, false),
                };
                let id = ContainerId { namespace: namespace.clone(), pod: pod.clone(), container, previous };
                shop.logs.insert(id, answer);
            }
        }
    }
    Ok(())
}

fn read_log(path: &Path, file: &str) -> anyhow::Result<(String, LogAnswer)> {
    if let Some(container) = file.strip_suffix(".log") {
        let lines = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        return Ok((container.to_owned(), LogAnswer::Lines(lines.into())));
    }
    let Some(container) = file.strip_suffix(".error.json") else {
        bail!("neither a log nor an error: {}", path.display());
    };
    let error = read_json(path)?;
    let code = error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).context("an error without a code")?;
    let text =
        |field: &str| error[field].as_str().map(str::to_owned).with_context(|| format!("an error without a {field}"));
    let answer =
        LogAnswer::Error { code: StatusCode::from_u16(code)?, reason: text("reason")?, message: text("message")? };
    Ok((container.to_owned(), answer))
}

fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("read {}", path.display()))
}

fn children(directory: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
