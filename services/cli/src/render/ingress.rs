//! Whether the backends of ingresses exist: a table below theirs.

use std::io::{self, Write};

use gumshoe_proto::collector::v1::{BackendExistence, Ingress};

use super::table::Table;

/// Backends as they come. Those that exist are counted, but for those of the one ingress that was asked for: the others are few.
#[derive(Debug, Default)]
pub(super) struct Backends {
    existing: u64,
    rows: Vec<Vec<String>>,
}

impl Backends {
    /// Adds those of an ingress; `all` of them, or those that are not known to exist.
    pub(super) fn add(&mut self, ingress: &Ingress, all: bool) {
        let metadata = ingress.metadata.clone().unwrap_or_default();
        for backend in &ingress.backends {
            let exists = backend.existence() == BackendExistence::Exists;
            if exists && !all {
                self.existing += 1;
                continue;
            }
            let existence = backend.existence().as_str_name().trim_start_matches("BACKEND_EXISTENCE_");
            let existence = existence.to_ascii_lowercase().replace('_', " ");
            let (service, port, named_by) = (backend.service.clone(), backend.port.clone(), backend.named_by.clone());
            self.rows.push(vec![metadata.namespace.clone(), metadata.name.clone(), service, port, existence, named_by]);
        }
    }

    /// Writes what was added; nothing where nothing was.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match (self.existing, self.rows.is_empty()) {
            (0, true) => return Ok(()),
            (existing, true) => writeln!(out, "\nBackends: all {existing} exist")?,
            (0, false) => writeln!(out, "\nBackends:")?,
            (existing, false) => writeln!(out, "\nBackends: {existing} exist, and")?,
        }
        Table::new(vec!["NAMESPACE", "INGRESS", "BACKEND", "PORT", "EXISTENCE", "NAMED BY"]).rows(out, &self.rows)
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use serde_json::json;

    use super::*;

    fn mk_ingress(existences: &[&str]) -> Ingress {
        let backend =
            |existence: &&str| json!({"service": "web", "port": "http", "existence": existence, "namedBy": "*/"});
        let backends: Vec<_> = existences.iter().map(backend).collect();
        json::from_value(json!({"metadata": {"namespace": "shop", "name": "front"}, "backends": backends})).unwrap()
    }

    fn written(existences: &[&str], all: bool) -> String {
        let mut backends = Backends::default();
        backends.add(&mk_ingress(existences), all);
        let mut out = Vec::new();
        backends.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_backend_that_does_not_exist_is_a_row_and_those_of_a_list_that_do_are_counted() {
        let both = ["BACKEND_EXISTENCE_EXISTS", "BACKEND_EXISTENCE_NO_SERVICE"];
        let header = "NAMESPACE   INGRESS   BACKEND   PORT   EXISTENCE    NAMED BY\n";
        let missing = "shop        front     web       http   no service   */\n";
        assert_eq!(written(&both, false), format!("\nBackends: 1 exist, and\n{header}{missing}"));
        let existing = "shop        front     web       http   exists       */\n";
        assert_eq!(written(&both, true), format!("\nBackends:\n{header}{existing}{missing}"));
        assert_eq!(written(&both[..1], false), "\nBackends: all 1 exist\n");
        assert_eq!(written(&[], false), "");
    }
}
