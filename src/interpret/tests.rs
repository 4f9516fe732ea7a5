//! Each kind by example.

use super::*;

fn count(api_version: &str, kind: &str, spec: &str) -> Option<i32> {
    let text = format!("{{apiVersion: {api_version}, kind: {kind}, spec: {spec}}}");
    replicas(&serde_saphyr::from_str(&text).unwrap()).map(|replicas| replicas.count)
}

#[test]
fn an_absent_number_is_the_one_that_an_api_server_fills_in() {
    for kind in ["Deployment", "ReplicaSet", "StatefulSet"] {
        assert_eq!(count("apps/v1", kind, "{}"), Some(1), "{kind}");
        assert_eq!(count("apps/v1", kind, "{replicas: null}"), Some(1), "{kind}");
        assert_eq!(count("apps/v1", kind, "{replicas: 0}"), Some(0), "{kind}");
    }
    for (spec, expected) in [
        ("{}", 1),
        ("{parallelism: 3}", 3),
        ("{completions: 5}", 1),
        ("{parallelism: 3, completions: 2}", 2),
        ("{parallelism: 0, completions: 2}", 0),
    ] {
        assert_eq!(count("batch/v1", "Job", spec), Some(expected), "{spec}");
    }
    assert_eq!(count("v1", "Pod", "{}"), Some(1));
    assert_eq!(count("apps/v1", "DaemonSet", "{}"), None);
}
