//! Why a pod is not ready, or was restarted: what `kubectl describe pod` scatters over its containers and conditions.

use std::io::{self, Write};

use gumshoe_proto::collector::v1::{ContainerStateTerminated, ContainerTrouble, PodCondition, PodTrouble};

use super::table::Table;

/// Writes a table of it, a row for each thing that is to be said.
pub(super) fn trouble(out: &mut dyn Write, trouble: &PodTrouble) -> io::Result<()> {
    let PodTrouble { containers, conditions, reason, message } = trouble;
    let whole = (!reason.is_empty() || !message.is_empty()).then(|| row("pod", reason, message));
    let rows = whole.into_iter().chain(containers.iter().flat_map(container)).chain(conditions.iter().map(condition));
    writeln!(out, "\nNot ready, or restarted:")?;
    Table::new(vec!["WHAT", "STATE", "MESSAGE"]).rows(out, &rows.collect::<Vec<_>>())
}

fn row(what: &str, state: &str, message: &str) -> Vec<String> {
    [what, state, message].map(str::to_owned).to_vec()
}

fn container(it: &ContainerTrouble) -> Vec<Vec<String>> {
    let kind = match (it.init, it.ephemeral) {
        (true, _) => "init container",
        (_, true) => "ephemeral container",
        _ => "container",
    };
    let what = format!("{kind} {}", it.name);
    let ended = |when: &str, end: &ContainerStateTerminated| row(&what, &format!("{when}: {}", how(end)), &end.message);
    let waiting = it.waiting.iter().map(|it| row(&what, &format!("waiting: {}", it.reason), &it.message));
    let terminated = it.terminated.iter().map(|end| ended("terminated", end));
    let last = it.last_termination.iter().map(|end| ended("last terminated", end));
    let mut rows: Vec<_> = waiting.chain(terminated).collect();
    if rows.is_empty() {
        let restarts = it.restart_count;
        rows.push(row(&what, &format!("{}, {restarts} restarts", if it.ready { "ready" } else { "not ready" }), ""));
    }
    rows.extend(last);
    rows
}

/// `OOMKilled, exit code 137`.
fn how(end: &ContainerStateTerminated) -> String {
    let reason = (!end.reason.is_empty()).then(|| end.reason.clone());
    let signal = (end.signal != 0).then(|| format!("signal {}", end.signal));
    let code = end.exit_code.map(|code| format!("exit code {code}"));
    reason.into_iter().chain(signal).chain(code).collect::<Vec<_>>().join(", ")
}

fn condition(it: &PodCondition) -> Vec<String> {
    let reason = if it.reason.is_empty() { String::new() } else { format!(": {}", it.reason) };
    row(&format!("condition {}", it.r#type), &format!("{}{reason}", it.status), &it.message)
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::{collector::v1::Pod, json};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_crash_loop_says_what_it_waits_for_and_how_the_last_run_ended() {
        let pod: Pod = json::from_value(json!({"trouble": {
            "containers": [
                {"name": "wait", "init": true, "waiting": {"reason": "PodInitializing"}},
                {"name": "app", "restartCount": 3, "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"},
                    "lastTermination": {"exitCode": 137, "reason": "OOMKilled", "message": "\u{1b}[2Jkilled"}},
                {"name": "slow", "restartCount": 1}],
            "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]}}))
        .unwrap();
        let mut out = Vec::new();
        trouble(&mut out, &pod.trouble.unwrap()).unwrap();
        let lines: Vec<_> = std::str::from_utf8(&out).unwrap().lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "",
                "Not ready, or restarted:",
                "WHAT                  STATE                                       MESSAGE",
                "init container wait   waiting: PodInitializing",
                "container app         waiting: CrashLoopBackOff                   back-off 40s",
                "container app         last terminated: OOMKilled, exit code 137   ^[[2Jkilled",
                "container slow        not ready, 1 restarts",
                "condition Ready       False: ContainersNotReady",
            ]
        );
    }
}
