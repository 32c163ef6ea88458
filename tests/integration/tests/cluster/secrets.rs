//! Secrets on the real API server: it is asked for Tables alone, and no value comes out, by whatever method it is looked for.

use gumshoe_integration::dynamic;
use serde_json::Value;

use crate::support::{Release, audit::asked_by, kubectl, on_the_bench};

/// A Secret of the shop: applied with kubectl, so that the values stand in an annotation too.
const SECRET: [&str; 3] = ["api-credentials", "-n", "shop"];
/// What stands in it, in plain and in base64.
const VALUES: [&str; 4] = [
    "not-a-real-password",
    "bm90LWEtcmVhbC1wYXNzd29yZA",
    "fake-key-0000000000000000",
    "ZmFrZS1rZXktMDAwMDAwMDAwMDAwMDAwM",
];

fn leaked(text: &str) -> Option<&'static str> {
    VALUES.into_iter().find(|value| text.contains(value))
}

#[test]
fn no_value_of_a_secret_comes_out_of_the_collector() {
    on_the_bench(async |bench| {
        let whole = kubectl(bench, &[&["get", "secret"], &SECRET[..], &["-o", "json"]].concat()).await;
        assert!(VALUES.iter().all(|value| whole.contains(value)), "kubectl shows them: {whole}");

        let collector = bench.collector().await;
        let kinds =
            dynamic::methods().filter_map(|method| Some(method.name().strip_prefix("List")?.to_ascii_lowercase()));
        for kind in kinds.collect::<Vec<_>>() {
            for output in ["wide", "json"] {
                let printed = collector.complete(&["get", &kind, "-A", "-o", output]).await;
                assert_eq!(leaked(&printed), None, "{kind} {output}");
            }
        }
        let one = collector.complete(&[&["get", "secret"], &SECRET[..], &["-o", "json"]].concat()).await;
        assert_eq!(leaked(&one), None);
        let secret: Value = serde_json::from_str(&one).unwrap();
        assert_eq!(secret["item"]["keyNames"], serde_json::json!(["DATABASE_PASSWORD", "PAYMENT_API_KEY"]), "{secret}");
        let withheld = &secret["item"]["metadata"]["withheldAnnotations"][0]["key"];
        assert_eq!(withheld, "kubectl.kubernetes.io/last-applied-configuration", "{secret}");
        assert_eq!(leaked(&format!("{:?}", collector.process.log())), None);

        // A topology asks for metadata in another way, which the audit log does not show.
        let log = collector.process.log();
        let calls = log.iter().filter(|line| line["method"].as_str().is_some_and(|it| it.contains("SecretService")));
        let ids: Vec<_> = calls.filter_map(|line| line["request_id"].as_str()).collect();
        let asked = asked_by(bench, &Release::WIDE.user()).into_iter().filter(|asked| ids.contains(&asked.id.as_str()));
        let asked: Vec<_> = asked.collect();
        assert!(asked.len() > 1, "{ids:?}");
        assert!(asked.iter().all(|asked| asked.uri.contains("includeObject=Metadata")), "{asked:?}");
    });
}
