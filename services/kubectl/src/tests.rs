use gumshoe_proto::{
    bridge::v1::Query,
    collector::v1::{
        GetPodRequest, InvolvedObject, ListEventsRequest, ListNodesRequest, ListPodsRequest, ReadLogsRequest,
    },
    json,
    methods::PATHS,
};
use proptest::{collection::vec, option, prelude::*};

use super::*;

fn request(line: &str) -> Request {
    parse(line).expect(line).request
}

#[test]
fn nodes_are_in_no_namespace_whatever_is_said() {
    let all = Request::ListNodes(ListNodesRequest::default());
    for line in ["get nodes", "get no -A", "get nodes -n shop"] {
        assert_eq!(request(line), all, "{line}");
    }
}

#[test]
fn without_a_namespace_it_is_the_default_one() {
    let Request::ListPods(list) = request("get pods") else { panic!("a list") };
    assert_eq!(list.namespaces, ["default"]);
    let Request::ListPods(list) = request("get pods -A") else { panic!("a list") };
    assert!(list.namespaces.is_empty());
    let Request::ListPods(list) = request("get po -n shop,payments,default") else { panic!("a list") };
    assert_eq!(list.namespaces, ["shop", "payments", "default"]);
}

#[test]
fn a_name_asks_for_one_pod() {
    let expected = GetPodRequest { namespace: "shop".into(), name: "web-0".into(), ..Default::default() };
    assert_eq!(request("get pods web-0 -n shop"), Request::GetPod(expected));
}

#[test]
fn quotes_are_those_of_a_shell() {
    let Request::ListPods(list) = request("get pods -l 'app in (web, db)'") else { panic!("a list") };
    assert_eq!(list.label_selector, "app in (web, db)");
}

#[test]
fn a_window_of_a_log_is_in_the_request() {
    let Request::ReadLogs(read) =
        request("logs pod/web-0 -n shop -c web -p --tail 0 --since 1h30m --newest-bytes 64KiB")
    else {
        panic!("a log")
    };
    assert_eq!(read.pod, "web-0");
    assert_eq!((read.tail_lines, read.newest_bytes), (Some(0), Some(65536)));
    assert_eq!(read.since.map(|since| since.seconds), Some(5400));
    assert!(read.previous && !read.whole_log);
}

#[test]
fn the_pods_of_a_log_are_those_of_a_name_or_of_labels() {
    let read = |line: &str| {
        let Request::ReadLogs(read) = request(line) else { panic!("a log") };
        [read.pod, read.workload, read.label_selector, read.service]
    };
    for (line, expected) in [
        ("logs web-0", ["web-0", "", "", ""]),
        ("logs po/web-0", ["web-0", "", "", ""]),
        ("logs deploy/web --all-pods", ["", "deployment/web", "", ""]),
        ("logs StatefulSets/db", ["", "statefulset/db", "", ""]),
        ("logs cj/backup -c run", ["", "cronjob/backup", "", ""]),
        ("logs svc/web", ["", "", "", "web"]),
        ("logs -l app=web,tier!=db", ["", "", "app=web,tier!=db", ""]),
        ("kubectl logs --selector=app=web -f --prefix", ["", "", "app=web", ""]),
    ] {
        assert_eq!(read(line), expected, "{line}");
    }
    let Request::ReadLogs(read) = request("logs web-0 --include -x --include 'a b' --exclude=healthz --fold") else {
        panic!("a log")
    };
    assert_eq!(
        (read.include, read.exclude, read.fold_repeats),
        (vec!["-x".into(), "a b".into()], vec!["healthz".into()], true)
    );
}

#[test]
fn the_collector_can_be_named_anywhere() {
    let line = parse("get pods --collector west").expect("valid");
    assert_eq!(line.collector, "west");
    assert_eq!(parse("get pods").expect("valid").collector, "");
}

#[test]
fn what_contradicts_itself_is_refused_with_its_reason() {
    for (line, why) in [
        ("get pods web-0 -n shop,payments", "just one"),
        ("get pods web-0 -l app=web", "cannot be used with"),
        ("logs web-0 --whole --tail 3", "cannot be used with"),
        ("logs web-0 --tail -2", "-2"),
        ("logs deploy/", "has a name"),
        ("logs deploy/web -l app=web", "cannot be used with"),
        ("logs web-0 --include=", "--include"),
        ("logs", "required"),
        ("get events --for web", "KIND/NAME"),
        ("get pods --limit 0", "0"),
        ("get pods -l 'app", "quote"),
        ("get pods ''", "[NAME]"),
        ("get pods -n", "needs a value"),
        ("get pods -A=perhaps", "true or false"),
        ("get", "a kind is needed"),
        ("logs web-0 web db", "one container"),
        ("get pods pod/web-0", "no name"),
        ("get pod/a/b", "no name"),
        ("events --for pod/a/b", "no name"),
        ("topology --label pod=a --label pod=b", "given twice"),
        ("logs web-0 web -c db", "not with both"),
        ("logs web-0 -c web -c db", "join them with a comma"),
        ("get pods -n shop -n pay", "join them with a comma"),
        ("kubectl -n shop events -n pay", "join them with a comma"),
        ("get events web.17 --for pod/web", "cannot be used with"),
        ("get events web.17 --types Warning", "cannot be used with"),
        ("get events web.17 --reasons BackOff", "cannot be used with"),
        ("logs pod/", "has a name"),
        ("logs web-0 -n a,b", "just one namespace"),
        ("topology deploy/web -n ''", "just one namespace"),
        ("topology", "required"),
        ("logs pod/web/0", "no name"),
        ("", "a verb is needed"),
        ("kubectl -n shop", "a verb is needed"),
    ] {
        let error = parse(line).expect_err(line).to_string();
        assert!(error.contains(why), "{line}: {error}");
        assert!(["--help", "tip:", "\n"].iter().all(|it| !error.contains(it)), "{line}: {error:?}");
    }
}

#[test]
fn every_method_of_the_contract_can_be_asked_for_in_words() {
    let query = json::descriptor::<Query>();
    let arms = query.oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>());
    let arms: Vec<_> = arms.filter(|arm| arm.kind().as_message().is_some()).collect();
    assert_eq!(arms.len(), PATHS.len());
    for arm in arms {
        let takes = arm.kind().as_message().expect("a request").clone();
        let fields = [("namespace", "shop"), ("kind", "Pod"), ("name", "web"), ("pod", "web")];
        let named = fields.into_iter().filter(|(name, _)| takes.get_field_by_name(name).is_some());
        let named: serde_json::Map<_, _> = named.map(|(name, value)| (name.to_owned(), value.into())).collect();
        let query: Query = json::from_value(serde_json::json!({ arm.json_name(): named })).expect("a query");
        let request = Request::try_from(query.request.expect("a request")).expect("typed");
        let line = describe(&request);
        assert_eq!(parse(&line).map(|line| line.request), Ok(request), "{line}");
    }
}

#[test]
fn no_environment_variable_changes_what_is_read() {
    fn check(command: &clap::Command) {
        assert!(command.get_arguments().all(|argument| argument.get_env().is_none()), "{}", command.get_name());
        command.get_subcommands().for_each(check);
    }
    check(&line::command());
}

/// Each pair of lines asks for the same.
#[test]
fn kubectl_can_say_it_in_several_ways() {
    for (one, other) in [
        ("kubectl get pods -n shop", "get pods -n shop"),
        ("kubectl -n shop get po", "get pods -n shop"),
        ("get -nshop Pod", "get pods --namespace=shop"),
        ("get pods -n=shop -l=app=web", "get pods --namespace shop --selector app=web"),
        ("get pod/web-0 -n shop", "get pods web-0 -n shop"),
        ("get pods -n shop -- web-0", "get pods web-0 -n shop"),
        ("get deploy --all-namespaces=true", "get deployments -A"),
        ("get deploy -A=false --watch=false", "get deployments"),
        ("events -n shop --for pod/web-0 --types=Warning", "get events --for pod/web-0 -n shop --types Warning"),
        ("get pods -o wide --no-headers", "get pods"),
        ("get pods -oname", "get pods --summary"),
        ("get events -o name", "get events"),
        ("logs -fn shop po/web-0", "logs web-0 --follow -n shop"),
        ("logs web-0 web -pn shop", "logs web-0 -c web --previous -n shop"),
        ("logs web-0 --tail 5", "logs web-0 --tail=5"),
        ("logs web-0 --tail -1", "logs web-0 --whole"),
        ("logs web-0 --tail 5 --tail -1", "logs web-0 --whole"),
        ("logs web-0 --tail -1 --tail 5", "logs web-0 --tail 5"),
        ("logs web-0 -n shop -n pay -ff", "logs web-0 -n pay -f"),
        ("get pods -l a=b -l c=d -A -A", "get pods -l c=d -A"),
        ("get deploy -A -A=false", "get deploy"),
        ("-n shop get pods -n shop", "get pods -n shop"),
        ("get events --types Normal --types Warning", "get events --types Normal,Warning"),
        ("logs web-0 --tail=-1 --since=1h", "logs web-0 --since 1h"),
        ("get pods -n shop \\\n  -l app=web", "get pods -n shop -l app=web"),
        ("get pods -n '' -l \"\" --field-selector=", "get pods"),
        ("get pods web-0 -l ''", "get pods web-0"),
        ("events --types= --for ''", "events"),
        ("logs web-0 -c '' -n ''", "logs web-0"),
        ("logs web-0 --since=0 --tail -1", "logs web-0 --whole"),
        ("logs web-0 --since 0s", "logs web-0"),
        ("get deployments.apps -n shop", "get deployments -n shop"),
        ("get deployment.v1.apps/web", "get deployments web"),
        ("logs deployment.apps/web", "logs deploy/web"),
        ("events --for deployment.apps/web", "events --for deploy/web"),
        ("logs web-0 --since-time 2026-11-23T08:00:00+02:00", "logs web-0 --since-time 2026-11-23T06:00:00Z"),
    ] {
        assert_eq!(request(one), request(other), "{one}");
    }
}

#[test]
fn what_only_changes_how_an_answer_is_printed_is_told() {
    for (line, presentation) in [
        ("get pods -o json", Some("-o json")),
        ("get pods --output=wide", Some("-o wide")),
        ("get pods --show-labels", Some("--show-labels")),
        ("logs web-0 --timestamps", Some("--timestamps")),
        ("get pods -o name", None),
        ("get pods --show-labels=false", None),
    ] {
        assert_eq!(parse(line).map(|line| line.presentation), Ok(presentation.map(str::to_owned)), "{line}");
    }
}

/// Every refusal names what to ask for instead.
#[test]
fn what_is_not_supported_is_refused_with_what_to_do_instead() {
    for (line, instead) in [
        ("exec web-0 -it -- sh", "logs NAME"),
        ("kubectl port-forward web-0 80", "get pods NAME"),
        ("apply -f web.yaml", "get KIND NAME"),
        ("delete pod web-0", "nothing is ever written"),
        ("describe pod web-0", "events --for KIND/NAME"),
        ("top pods", "metrics are not read"),
        ("rollout status deploy/web", "get deployments NAME"),
        ("api-resources", "get, logs, events and topology do"),
        ("frobnicate", "get, logs, events and topology are"),
        ("get pods,svc", "use one for each"),
        ("get pods a b", "use one for each"),
        ("get pod/a pod/b", "use one for each"),
        ("get all", "get pods, get services"),
        ("get secret web -o yaml", "get secrets has"),
        ("get secrets -ojson", "get secrets has"),
        ("get secret web -o kyaml", "are never read"),
        ("get secret web -o jsonpath={.data.password}", "are never read"),
        ("get secret web -o go-template='{{.data}}'", "are never read"),
        ("get secret web --template={{.data}}", "are never read"),
        ("get secret -o custom-columns=A:.data", "are never read"),
        ("get pods --template={{.items}}", "fields out of the page"),
        ("get pods -n shop | grep web", "--include REGEX"),
        ("get pods 2>&1", "nothing is piped"),
        ("get services.serving.knative.dev", "no services of that group"),
        ("logs deployment.example.org/web", "no deployments of that group"),
        ("events --for services.serving.knative.dev/web", "no services of that group"),
        ("events --for rollouts.argoproj.io/web", "in CamelCase"),
        ("events web-0", "--for KIND/NAME"),
        ("get pods -A -n shop", "cannot be used with"),
        ("logs web-0 -f -p", "cannot be used with"),
        ("logs rc/web", "logs are those of pods"),
        ("get ep -l app=web", "get KIND NAME"),
        ("get pods --for pod/web", "a flag of events"),
        ("get deployments --types Warning", "a flag of events"),
        ("get pods --with-pods", "a flag of nodes"),
        ("get pods --proxy-url http://proxy", "`collector`"),
        ("get pods --kuberc none", "leave it out"),
        ("get rollouts", "these are: pods, events"),
        ("get pods -o jsonpath={.items}", "fields out of the page"),
        ("get pods -ocustom-columns=A:.b", "fields out of the page"),
        ("get pods -w", "ask again"),
        ("get pods --sort-by .metadata.name", "sort the items"),
        ("get pods --sort-by", "sort the items"),
        ("get -f web.yaml", "name the kind"),
        ("get --raw /api/v1/secrets", "get KIND"),
        ("get pods --context west", "`collector`"),
        ("--kubeconfig x get pods", "`collector`"),
        ("get pods --request-timeout=5s", "deadline"),
        ("get pods --ignore-not-found", "NOT_FOUND"),
        ("get pods --chunk-size 5", "--limit"),
        ("get pods --colour", "`--colour`"),
        ("get pods -x", "`-x`"),
        ("logs web-0 --limit-bytes=5", "--newest-bytes"),
        ("logs web-0 -o json", "`-o`"),
        ("get pods --help", "docs/sqs.md"),
    ] {
        let refused = parse(line).expect_err(line);
        assert_eq!(refused.reason(), "KUBECTL_NOT_SUPPORTED", "{line}: {refused}");
        assert!(refused.to_string().contains(instead), "{line}: {refused}");
        assert!(["tip:", "\n"].iter().all(|it| !refused.to_string().contains(it)), "{line}: {refused}");
    }
}

/// A flag of kubectl that a request has a field for must not stand among those that are refused: it would never be.
#[test]
fn every_flag_and_verb_that_is_refused_is_so() {
    for flag in refusal::FLAGS.iter().filter(|flag| matches!(flag.means, refusal::Meaning::Refused(_))) {
        for begins in ["get pods", "logs web-0", "events"] {
            if flag.of.is_empty() || flag.of.iter().any(|verb| begins.starts_with(verb)) {
                let line = format!("{begins} --{} 1", flag.long);
                assert_eq!(parse(&line).expect_err(&line).reason(), "KUBECTL_NOT_SUPPORTED", "{line}");
            }
        }
    }
    for (verbs, instead) in refusal::VERBS {
        for verb in *verbs {
            let refused = parse(verb).expect_err(verb);
            assert_eq!(refused.reason(), "KUBECTL_NOT_SUPPORTED", "{verb}: {refused}");
            assert!(refused.to_string().contains(instead), "{verb}: {refused}");
        }
    }
}

#[test]
fn a_line_has_an_end() {
    let line = format!("get pods -l 'app in ({})'", "web,".repeat(5_000));
    assert_eq!(parse(&line).expect_err("too long").reason(), "KUBECTL_NOT_SUPPORTED");
}

fn word() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9 '\"$=!()-]{0,11}"
}

fn any_request() -> impl Strategy<Value = Request> {
    let name = || "[a-z0-9]([a-z0-9.-]{0,9}[a-z0-9])?";
    let namespaces = || vec("[a-z0-9]{1,8}", 0..3);
    let selector = || prop_oneof![Just(String::new()), word()];
    let pod = (name(), name())
        .prop_map(|(namespace, name)| Request::GetPod(GetPodRequest { namespace, name, ..Default::default() }));
    let pods = (namespaces(), selector(), selector(), 0..5_i64, 0..2).prop_map(
        |(namespaces, label_selector, field_selector, limit, view)| {
            Request::ListPods(ListPodsRequest {
                namespaces,
                label_selector,
                field_selector,
                limit,
                view,
                ..Default::default()
            })
        },
    );
    let about = (prop_oneof![Just("Pod"), Just("Rollout")], name()).prop_map(|(kind, name)| InvolvedObject {
        kind: kind.into(),
        name,
        ..Default::default()
    });
    let events = (namespaces(), option::of(about), vec("[A-Z][a-z]{1,6}", 0..3), selector(), 0..5_i64).prop_map(
        |(namespaces, involved_object, reasons, field_selector, limit)| {
            let types = reasons
                .iter()
                .map(|reason: &String| if reason.as_str() < "N" { "Normal" } else { "Warning" }.to_owned())
                .collect();
            Request::ListEvents(ListEventsRequest {
                namespaces,
                involved_object,
                types,
                reasons,
                field_selector,
                limit,
                ..Default::default()
            })
        },
    );
    prop_oneof![pod, pods, events, any_logs(), any_object()]
}

/// One object of any kind.
fn any_object() -> impl Strategy<Value = Request> {
    let name = || "[a-z0-9-]{1,9}";
    (0..KINDS.len(), name(), name()).prop_map(|(kind, namespace, name)| (KINDS[kind].get)(&namespace, &name))
}

/// Lines made of words that have a meaning, in any order.
fn any_words() -> impl Strategy<Value = String> {
    let flags = line::command();
    let below = || flags.get_subcommands().flat_map(clap::Command::get_subcommands).chain(flags.get_subcommands());
    let longs = below().flat_map(clap::Command::get_arguments).filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
    let foreign = refusal::FLAGS.iter().map(|flag| format!("--{}", flag.long));
    let kinds = KINDS.iter().flat_map(|kind| {
        let names = kind.names();
        [names.singular, names.plural].into_iter().chain(names.short.iter().copied()).map(str::to_owned)
    });
    let others = [
        "get",
        "logs",
        "events",
        "topology",
        "kubectl",
        "exec",
        "describe",
        "--",
        "-",
        "-A",
        "-n",
        "-nshop",
        "-l",
        "-fp",
        "-p",
        "-c",
        "-o",
        "wide",
        "name",
        "shop",
        "web-0",
        "pod/web-0",
        "deploy/web",
        "app=web",
        "'a b'",
        "5",
        "-1",
        "0",
        "1h30m",
        "64KiB",
        "=true",
        "''",
        "all",
        "secrets",
        "2026-11-23T08:00:00Z",
        "Warning",
        "--tail=-1",
        "--since=0",
        "deployments.v1.apps",
        "|",
        "--previous=false",
        "\"",
    ];
    let words: Vec<_> = longs.chain(foreign).chain(kinds).chain(others.map(str::to_owned)).collect();
    let begins = prop_oneof![
        Just(""),
        Just("get pods "),
        Just("logs web-0 "),
        Just("events "),
        Just("get "),
        Just("topology pod/web ")
    ];
    (begins, vec(proptest::sample::select(words), 0..7))
        .prop_map(|(begins, words)| begins.to_owned() + &words.join(" "))
}

/// What was understood means what its description says. That it is a request of the contract, its type says.
fn check(line: &str) -> Result<(), TestCaseError> {
    let Ok(understood) = parse(line) else { return Ok(()) };
    let described = describe(&understood.request);
    if !described.contains('\0') {
        prop_assert_eq!(parse(&described).map(|line| line.request), Ok(understood.request), "{}", described);
    }
    Ok(())
}

fn any_logs() -> impl Strategy<Value = Request> {
    let window = prop_oneof![
        Just(ReadLogsRequest { whole_log: true, ..Default::default() }),
        (option::of(0..9_i64), option::of(0..i64::MAX)).prop_map(|(tail_lines, newest_bytes)| ReadLogsRequest {
            tail_lines,
            newest_bytes,
            ..Default::default()
        }),
        (1..100_000_i64, 0..1_000_000_000).prop_map(|(seconds, nanos)| ReadLogsRequest {
            since: Some(prost_types::Duration { seconds, nanos }),
            ..Default::default()
        }),
        (0..4_000_000_000_i64, 0..1_000_000_000).prop_map(|(seconds, nanos)| ReadLogsRequest {
            since_time: Some(prost_types::Timestamp { seconds, nanos }),
            ..Default::default()
        }),
    ];
    let name = || "[a-z0-9]{1,9}";
    let whose = prop_oneof![
        name().prop_map(|pod| ReadLogsRequest { pod, ..Default::default() }),
        name().prop_map(|service| ReadLogsRequest { service, ..Default::default() }),
        word().prop_map(|label_selector| ReadLogsRequest { label_selector, ..Default::default() }),
        (prop_oneof![Just("deployment"), Just("job"), Just("cronjob")], name())
            .prop_map(|(kind, name)| { ReadLogsRequest { workload: format!("{kind}/{name}"), ..Default::default() } }),
    ];
    let expressions = || vec("[-a-z0-9 .*()|'\"$\\\\]{1,9}", 0..3);
    let lines = (expressions(), expressions(), any::<bool>());
    (window, whose, vec(name(), 0..3), 0..3, lines).prop_map(|(window, whose, containers, mode, lines)| {
        let all_containers = containers.is_empty();
        let ReadLogsRequest { pod, workload, label_selector, service, .. } = whose;
        let (include, exclude, fold_repeats) = lines;
        Request::ReadLogs(ReadLogsRequest {
            namespace: "shop".into(),
            pod,
            workload,
            label_selector,
            service,
            include,
            exclude,
            fold_repeats,
            containers,
            all_containers,
            previous: mode == 1,
            follow: mode == 2,
            ..window
        })
    })
}

proptest! {
    /// The two ways of asking, lines and requests, are one language.
    #[test]
    fn a_described_request_reads_back_as_itself(request in any_request()) {
        let line = describe(&request);
        let read = parse(&line);
        prop_assert!(read.is_ok(), "{}: {:?}", line, read.err());
        prop_assert_eq!(read.map(|read| read.request).ok(), Some(request), "{}", line);
    }

    #[test]
    fn no_text_makes_anything_but_a_request_or_a_refusal(text in prop_oneof![
            "(?s).{0,200}",
            "(kubectl )?(get|logs|events|topology)[ \\t\\r\\n](?s).{0,120}",
"(get pods -l|logs web-0 --include|events --reason|topology pod/web -n) '(?s)[^']{0,40}'",
        ]) {
        check(&text)?;
    }

    #[test]
    fn no_order_of_words_makes_anything_but_a_request_or_a_refusal(line in any_words()) {
        check(&line)?;
    }
}

#[test]
fn a_switch_of_a_kind_may_stand_beside_a_name_and_a_filter_may_not() {
    let Ok(Request::GetNode(get)) = parse("get node node-a --with-pods").map(|line| line.request) else {
        panic!("one node")
    };
    assert!(get.with_pods && get.name == "node-a");
    assert!(parse("get nodes --with-pods").is_err());
    assert!(parse("get events web.17 --types Warning").is_err());
}

#[test]
fn the_document_names_every_verb_and_every_flag_that_is_shown() {
    let document = include_str!("../../../docs/sqs.md");
    let shown = |arg: &clap::Arg| !arg.is_hide_set() && !arg.is_positional();
    let forms =
        |arg: &clap::Arg| [arg.get_short().map(|it| format!("-{it}")), arg.get_long().map(|it| format!("--{it}"))];
    let written = |form: &String| document.contains(&format!("`{form}`")) || document.contains(&format!("`{form} "));
    let command = line::command();
    for verb in command.get_subcommands() {
        let name = verb.get_name();
        assert!(document.contains(&format!("| `{name} ")), "{name}");
        let flags = verb.get_subcommands().chain([verb]).flat_map(clap::Command::get_arguments);
        for flag in flags.filter(|arg| shown(arg)) {
            assert!(forms(flag).into_iter().flatten().any(|form| written(&form)), "{name} {flag}");
        }
    }
}
