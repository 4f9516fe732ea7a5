//! The defaults that the API server fills in: those of the built-in kinds, and through
//! `structural` those of a custom kind's schema.
//!
//! Source: the `SetDefaults_*` functions that Kubernetes documents field by field in its API
//! reference. Filled in are the fields that people see in `kubectl get -o yaml` of a common object;
//! the defaults of rare volume sources are not.

use super::structural;
pub use super::structural::{FieldError, admit};
use base64::Engine as _;
use serde_json::{Map, Value, json};

/// Fills in what the object leaves open. Idempotent.
///
/// `crd` is the `openAPIV3Schema` of a custom kind. A Service gets an address that follows from its
/// name, and a Secret's `stringData` moves into `data`.
pub fn apply_defaults(
    group: &str,
    _version: &str,
    kind: &str,
    crd: Option<&Value>,
    object: &mut Value,
) {
    if let Some(schema) = crd {
        structural::fill_defaults(schema, object);
        return;
    }
    match (group, kind) {
        ("", "Pod") => {
            fill(object, &json!({"spec": {"enableServiceLinks": true}, "status": {}}));
            fill(object, &json!({"status": {"phase": "Pending"}}));
            pod_spec(&mut object["spec"]);
            each(&mut object["spec"]["containers"], requests_from_limits);
        }
        ("", "PodTemplate") => pod_template(&mut object["template"]),
        ("", "ReplicationController") => {
            fill(object, &json!({"spec": {"replicas": 1}, "status": {}}));
            pod_template(&mut object["spec"]["template"]);
        }
        ("", "Service") => service(object),
        ("", "Namespace") => {
            let name = object["metadata"]["name"].clone();
            fill(
                object,
                &json!({
                    "metadata": {"labels": {"kubernetes.io/metadata.name": name}},
                    "spec": {"finalizers": ["kubernetes"]},
                    "status": {"phase": "Active"},
                }),
            );
        }
        ("", "Node" | "ResourceQuota") => fill(object, &json!({"spec": {}, "status": {}})),
        ("", "Secret") => {
            fill(object, &json!({"type": "Opaque"}));
            string_data(object);
        }
        ("", "PersistentVolumeClaim") => {
            fill(
                object,
                &json!({"spec": {"volumeMode": "Filesystem", "resources": {}}, "status": {}}),
            );
            fill(object, &json!({"status": {"phase": "Pending"}}));
        }
        ("", "PersistentVolume") => {
            let spec =
                json!({"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"});
            fill(object, &json!({"spec": spec, "status": {"phase": "Pending"}}));
        }
        ("apps" | "batch", _) => workload(kind, object),
        ("autoscaling", "HorizontalPodAutoscaler") => {
            fill(object, &json!({"spec": {"minReplicas": 1}, "status": {}}));
        }
        ("networking.k8s.io", "Ingress") => fill(object, &json!({"status": {"loadBalancer": {}}})),
        ("networking.k8s.io", "NetworkPolicy") => network_policy(&mut object["spec"]),
        ("policy", "PodDisruptionBudget") => fill(object, &json!({"status": {}})),
        ("storage.k8s.io", "StorageClass") => {
            fill(object, &json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}));
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            fill(object, &json!({"preemptionPolicy": "PreemptLowerPriority"}));
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => role_binding(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => {
            let mutates = kind.starts_with("Mutating");
            each(&mut object["webhooks"], |webhook| self::webhook(webhook, mutates));
        }
        _ => {}
    }
    drop_nulls_at_top(object);
}

/// Lays defaults under a value: fields that are absent are set, objects are filled recursively.
fn fill(value: &mut Value, defaults: &Value) {
    let Value::Object(defaults) = defaults else { return };
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(fields) = value else { return };
    for (name, default) in defaults {
        match fields.get_mut(name) {
            Some(Value::Null) | None => {
                fields.insert(name.clone(), default.clone());
            }
            Some(present) => fill(present, default),
        }
    }
}

/// Lays defaults under an object that is there, and leaves an absent one absent.
fn fill_present(value: Option<&mut Value>, defaults: &Value) {
    if let Some(value @ Value::Object(_)) = value {
        fill(value, defaults);
    }
}

fn each(items: &mut Value, mut change: impl FnMut(&mut Value)) {
    if let Value::Array(items) = items {
        items.iter_mut().for_each(&mut change);
    }
}

/// Indexing creates a null where there was nothing: none of them is to stay.
fn drop_nulls_at_top(object: &mut Value) {
    if let Value::Object(fields) = object {
        for value in fields.values_mut() {
            if let Value::Object(inner) = value {
                inner.retain(|_, value| !value.is_null());
            }
        }
        fields.retain(|_, value| !value.is_null());
    }
}

fn workload(kind: &str, object: &mut Value) {
    let spec = match kind {
        "Deployment" => json!({
            "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate"},
        }),
        "ReplicaSet" => json!({"replicas": 1}),
        "DaemonSet" => json!({
            "revisionHistoryLimit": 10, "updateStrategy": {"type": "RollingUpdate"},
        }),
        "StatefulSet" => json!({
            "replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        }),
        "Job" => {
            let alone = object["spec"]["completions"].is_null();
            let mut spec = json!({
                "parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed",
                "suspend": false, "podReplacementPolicy": "TerminatingOrFailed",
            });
            if alone && object["spec"]["parallelism"].is_null() {
                spec["completions"] = json!(1);
            }
            spec
        }
        "CronJob" => json!({
            "concurrencyPolicy": "Allow", "suspend": false,
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
        }),
        _ => return,
    };
    fill(object, &json!({"spec": spec, "status": {}}));
    let spec = &mut object["spec"];
    let rolling = match kind {
        "Deployment" => Some(("strategy", json!({"maxSurge": "25%", "maxUnavailable": "25%"}))),
        "DaemonSet" => Some(("updateStrategy", json!({"maxSurge": 0, "maxUnavailable": 1}))),
        "StatefulSet" => Some(("updateStrategy", json!({"partition": 0}))),
        _ => None,
    };
    if let Some((strategy, defaults)) = rolling
        && spec[strategy]["type"] == "RollingUpdate"
    {
        fill(&mut spec[strategy], &json!({"rollingUpdate": defaults}));
    }
    match kind {
        "CronJob" => pod_template(&mut spec["jobTemplate"]["spec"]["template"]),
        _ => pod_template(&mut spec["template"]),
    }
    each(&mut spec["volumeClaimTemplates"], |claim| {
        fill(
            claim,
            &json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "spec": {"volumeMode": "Filesystem", "resources": {}}, "status": {"phase": "Pending"},
            }),
        );
    });
    if kind == "Job" {
        job_selector(object);
    }
}

/// A Job selects its pods by its own uid, which is known once the object is.
fn job_selector(object: &mut Value) {
    let Value::String(uid) = &object["metadata"]["uid"] else { return };
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let labels = json!({
        "batch.kubernetes.io/controller-uid": uid, "controller-uid": uid,
        "batch.kubernetes.io/job-name": object["metadata"]["name"],
        "job-name": object["metadata"]["name"],
    });
    let selector = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    let template = json!({"metadata": {"labels": labels}});
    fill(object, &json!({"spec": {"selector": selector, "template": template}}));
}

fn pod_template(template: &mut Value) {
    if template.is_null() {
        return;
    }
    fill(template, &json!({"metadata": {}}));
    pod_spec(&mut template["spec"]);
}

fn pod_spec(spec: &mut Value) {
    fill(
        spec,
        &json!({
            "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 30, "securityContext": {},
        }),
    );
    if let Value::Object(spec) = spec {
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            if let Some(containers) = spec.get_mut(list) {
                each(containers, container);
            }
        }
        // The old name of a field is kept beside the new one.
        if let Some(account) =
            spec.get("serviceAccountName").or(spec.get("serviceAccount")).cloned()
        {
            spec.insert("serviceAccountName".to_owned(), account.clone());
            spec.insert("serviceAccount".to_owned(), account);
        }
        if let Some(volumes) = spec.get_mut("volumes") {
            each(volumes, volume);
        }
    }
}

fn container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let pull = if is_moving_tag(image) { "Always" } else { "IfNotPresent" };
    fill(
        container,
        &json!({
            "imagePullPolicy": pull, "resources": {},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }),
    );
    if let Some(ports) = container.get_mut("ports") {
        each(ports, |port| fill(port, &json!({"protocol": "TCP"})));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe) else { continue };
        fill_present(
            Some(&mut *probe),
            &json!({
                "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
            }),
        );
        fill_present(probe.get_mut("httpGet"), &json!({"path": "/", "scheme": "HTTP"}));
        fill_present(probe.get_mut("grpc"), &json!({"service": ""}));
    }
    for hook in ["/lifecycle/preStop/httpGet", "/lifecycle/postStart/httpGet"] {
        fill_present(container.pointer_mut(hook), &json!({"path": "/", "scheme": "HTTP"}));
    }
    if let Some(variables) = container.get_mut("env") {
        each(variables, |variable| {
            fill_present(variable.pointer_mut("/valueFrom/fieldRef"), &json!({"apiVersion": "v1"}));
            let resource = variable.pointer_mut("/valueFrom/resourceFieldRef");
            fill_present(resource, &json!({"divisor": "0"}));
        });
    }
}

/// No tag, or `latest`; an image by digest never moves.
fn is_moving_tag(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    !image.contains('@')
        && match name.split_once(':') {
            Some((_, tag)) => tag == "latest",
            None => true,
        }
}

/// A Pod asks for what it is limited to. (Its template does not: only a running pod asks.)
fn requests_from_limits(container: &mut Value) {
    if let Some(limits) = container.pointer("/resources/limits").cloned() {
        fill(container, &json!({"resources": {"requests": limits}}));
    }
}

fn volume(volume: &mut Value) {
    if let Value::Object(fields) = volume
        && fields.keys().all(|name| name == "name")
    {
        fields.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["configMap", "secret", "downwardAPI", "projected"] {
        fill_present(volume.get_mut(source), &json!({"defaultMode": 420}));
    }
    fill_present(volume.get_mut("hostPath"), &json!({"type": ""}));
    if let Some(sources) = volume.pointer_mut("/projected/sources") {
        each(sources, |source| {
            let token = source.get_mut("serviceAccountToken");
            fill_present(token, &json!({"expirationSeconds": 3600}));
            if let Some(items) = source.pointer_mut("/downwardAPI/items") {
                each(items, |item| {
                    fill_present(item.get_mut("fieldRef"), &json!({"apiVersion": "v1"}));
                });
            }
        });
    }
    if let Some(items) = volume.pointer_mut("/downwardAPI/items") {
        each(items, |item| fill_present(item.get_mut("fieldRef"), &json!({"apiVersion": "v1"})));
    }
}

fn service(object: &mut Value) {
    let number = stable_number(object);
    fill(
        object,
        &json!({
            "spec": {"sessionAffinity": "None", "type": "ClusterIP"},
            "status": {"loadBalancer": {}},
        }),
    );
    let spec = &mut object["spec"];
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    if kind == "ExternalName" {
        return;
    }
    let address = format!("10.96.{}.{}", number >> 8 & 0xff, (number & 0xff).clamp(1, 254));
    fill(spec, &json!({"internalTrafficPolicy": "Cluster", "clusterIP": address}));
    let address = spec["clusterIP"].clone();
    fill(
        spec,
        &json!({
            "clusterIPs": [address], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
        }),
    );
    if spec["sessionAffinity"] == "ClientIP" {
        fill(spec, &json!({"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}));
    }
    let opens_nodes = matches!(&*kind, "NodePort" | "LoadBalancer");
    if opens_nodes {
        fill(spec, &json!({"externalTrafficPolicy": "Cluster"}));
    }
    if kind == "LoadBalancer" {
        fill(spec, &json!({"allocateLoadBalancerNodePorts": true}));
    }
    let mut node_port = 30_000 + number % 2_700;
    each(&mut spec["ports"], |port| {
        let target = port["port"].clone();
        fill(port, &json!({"protocol": "TCP", "targetPort": target}));
        if opens_nodes {
            fill(port, &json!({"nodePort": node_port}));
            node_port += 1;
        }
    });
}

/// A number that follows from namespace and name (FNV-1a), for what a cluster would allocate.
fn stable_number(object: &Value) -> u32 {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let id = format!("{}/{}", text("namespace"), text("name"));
    id.bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn string_data(object: &mut Value) {
    let Value::Object(fields) = object else { return };
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| json!({}));
    for (name, text) in texts {
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
        data[name] = Value::from(encoded);
    }
}

fn network_policy(spec: &mut Value) {
    let mut types = vec!["Ingress"];
    if spec["egress"].as_array().is_some_and(|rules| !rules.is_empty()) {
        types.push("Egress");
    }
    fill(spec, &json!({"podSelector": {}, "policyTypes": types}));
    for direction in ["ingress", "egress"] {
        if let Some(rules) = spec.get_mut(direction) {
            each(rules, |rule| {
                if let Some(ports) = rule.get_mut("ports") {
                    each(ports, |port| fill(port, &json!({"protocol": "TCP"})));
                }
            });
        }
    }
}

fn role_binding(object: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    fill_present(object.get_mut("roleRef"), &json!({"apiGroup": GROUP}));
    each(&mut object["subjects"], |subject| {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            fill(subject, &json!({"apiGroup": GROUP}));
        }
    });
}

fn definition(object: &mut Value) {
    let kind = object["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
    fill(
        object,
        &json!({"spec": {
            "conversion": {"strategy": "None"},
            "names": {"listKind": format!("{kind}List"), "singular": kind.to_lowercase()},
        }}),
    );
}

fn webhook(webhook: &mut Value, mutates: bool) {
    fill(
        webhook,
        &json!({
            "failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10,
            "namespaceSelector": {}, "objectSelector": {},
        }),
    );
    if mutates {
        fill(webhook, &json!({"reinvocationPolicy": "Never"}));
    }
    fill_present(webhook.pointer_mut("/clientConfig/service"), &json!({"port": 443}));
    if let Some(rules) = webhook.get_mut("rules") {
        each(rules, |rule| fill(rule, &json!({"scope": "*"})));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(group: &str, kind: &str, mut object: Value) -> Value {
        apply_defaults(group, "v1", kind, None, &mut object);
        let once = object.clone();
        apply_defaults(group, "v1", kind, None, &mut object);
        assert_eq!(object, once, "defaults are filled once");
        object
    }

    #[test]
    fn deployment_gets_the_defaults_of_its_pods_too() {
        let container = json!({"name": "app", "image": "shop:1", "ports": [{"containerPort": 80}]});
        let spec = json!({"template": {"spec": {"containers": [container]}}});
        let object =
            filled("apps", "Deployment", json!({"metadata": {"name": "shop"}, "spec": spec}));
        let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
        assert_eq!(
            object["spec"]["strategy"],
            json!({"type": "RollingUpdate", "rollingUpdate": rolling})
        );
        let pod = &object["spec"]["template"]["spec"];
        assert_eq!(pod["restartPolicy"], "Always");
        assert_eq!(pod["containers"][0]["imagePullPolicy"], "IfNotPresent");
        assert_eq!(pod["containers"][0]["ports"][0]["protocol"], "TCP");
        assert!(object["spec"].get("volumeClaimTemplates").is_none());
    }

    #[test]
    fn image_without_tag_is_always_pulled() {
        for (image, moves) in [
            ("shop", true),
            ("shop:latest", true),
            ("localhost:5000/shop", true),
            ("localhost:5000/shop:1", false),
            ("shop@sha256:00", false),
        ] {
            assert_eq!(is_moving_tag(image), moves, "{image}");
        }
    }

    #[test]
    fn headless_service_keeps_no_address() {
        let spec = json!({"clusterIP": "None", "ports": [{"port": 80}]});
        let object = filled("", "Service", json!({"metadata": {"name": "db"}, "spec": spec}));
        assert_eq!(object["spec"]["clusterIPs"], json!(["None"]));
        assert_eq!(
            object["spec"]["ports"],
            json!([{"port": 80, "protocol": "TCP", "targetPort": 80}])
        );
    }

    #[test]
    fn string_data_becomes_data() {
        let object = filled("", "Secret", json!({"stringData": {"key": "text"}}));
        assert_eq!(object, json!({"type": "Opaque", "data": {"key": "dGV4dA=="}}));
    }

    #[test]
    fn job_selects_its_pods_by_its_uid() {
        let object = json!({
            "metadata": {"name": "once", "uid": "u1"},
            "spec": {"template": {"spec": {"containers": []}}},
        });
        let object = filled("batch", "Job", object);
        assert_eq!(object["spec"]["completions"], 1);
        assert_eq!(
            object["spec"]["selector"]["matchLabels"],
            json!({"batch.kubernetes.io/controller-uid": "u1"})
        );
        assert_eq!(object["spec"]["template"]["metadata"]["labels"]["job-name"], "once");
    }

    #[test]
    fn kind_without_defaults_stays_as_it_is() {
        let object = json!({"metadata": {"name": "c"}, "data": {"a": "b"}});
        assert_eq!(filled("", "ConfigMap", object.clone()), object);
    }
}
