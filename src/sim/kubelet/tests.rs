use super::*;
use std::collections::BTreeMap;

/// A member's objects, stepped until they rest.
#[derive(Default)]
struct Member {
    objects: BTreeMap<Id, Value>,
    dirty: BTreeSet<Id>,
    n_uids: u32,
}

impl Objects for Member {
    fn dirty(&self) -> Vec<Id> {
        self.dirty.iter().cloned().collect()
    }

    fn get(&self, id: &Id) -> Option<Value> {
        self.objects.get(id).cloned()
    }

    fn owned_by(&self, uid: &str) -> Vec<Value> {
        let owns = |object: &&Value| {
            let references = object["metadata"]["ownerReferences"].as_array();
            references.into_iter().flatten().any(|reference| reference["uid"] == uid)
        };
        self.objects.values().filter(owns).cloned().collect()
    }

    fn nodes(&self) -> Vec<Value> {
        self.objects.values().filter(|object| object["kind"] == "Node").cloned().collect()
    }
}

impl Member {
    fn with_nodes(n_nodes: usize) -> Member {
        let mut member = Member::default();
        for node_idx in 0..n_nodes {
            let time = "2026-01-31T00:00:00Z";
            let name = format!("node-{node_idx}");
            member.put(node(&name, ("8", "32Gi", "110"), &Map::new(), time));
        }
        member
    }

    fn put(&mut self, mut object: Value) {
        let id = Id::of(&object);
        match self.objects.get(&id) {
            None => {
                self.n_uids += 1;
                object["metadata"]["uid"] = json!(format!("uid-{}", self.n_uids));
                object["metadata"]["generation"] = json!(1);
            }
            Some(before) if before["spec"] != object["spec"] => {
                let generation = count(&before["metadata"]["generation"]) + 1;
                object["metadata"]["generation"] = json!(generation);
            }
            Some(_) => {}
        }
        self.dirty.insert(id.clone());
        self.objects.insert(id, object);
    }

    /// Performs steps until there are none; the answer says how many rounds it took.
    fn settle(&mut self) -> usize {
        for round in 0..100 {
            let steps = progress(self, "2026-01-31T12:00:00Z".parse().expect("an instant"));
            self.dirty.clear();
            if steps.is_empty() {
                return round;
            }
            for step in steps {
                match step.action {
                    Action::Create(object) => {
                        assert!(!self.objects.contains_key(&Id::of(&object)), "{object}");
                        self.put(object);
                    }
                    Action::Update(new) => {
                        // Like a server: a write through one door leaves the other part alone.
                        let mut object = self.objects[&Id::of(&new)].clone();
                        if step.subresource == Some("status") {
                            object["status"] = new["status"].clone();
                        } else {
                            object["spec"] = new["spec"].clone();
                            object["metadata"] = new["metadata"].clone();
                        }
                        self.put(object);
                    }
                    Action::Delete(id) => {
                        let gone = self.objects.remove(&id).expect("it is there");
                        self.dirty.extend(controller(&gone, &id.namespace));
                    }
                }
            }
        }
        panic!("the member does not come to rest");
    }

    fn all(&self, kind: &str) -> Vec<&Value> {
        self.objects.values().filter(|object| object["kind"] == kind).collect()
    }

    fn one(&self, kind: &str) -> &Value {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "one {kind}");
        all[0]
    }
}

fn workload(version: &str, kind: &str, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": version, "kind": kind, "metadata": {"name": "shop", "namespace": "web"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "app", "image": "shop:1"}]},
            },
        },
    });
    for (field, value) in spec.as_object().expect("fields") {
        object["spec"][field] = value.clone();
    }
    object
}

#[test]
fn deployment_becomes_available() {
    let mut member = Member::with_nodes(2);
    member.put(workload("apps/v1", "Deployment", &json!({})));
    member.settle();
    let status = &member.one("Deployment")["status"];
    for field in ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] {
        assert_eq!(status[field], 3, "{field}");
    }
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(status["conditions"][0]["reason"], "MinimumReplicasAvailable");
    assert_eq!(status["conditions"][1]["reason"], "NewReplicaSetAvailable");
    assert!(member.all("Pod").iter().all(|pod| is_ready(pod)));
}

#[test]
fn settled_member_has_no_steps() {
    let mut member = Member::with_nodes(1);
    member.put(workload("apps/v1", "Deployment", &json!({})));
    member.put(workload("apps/v1", "StatefulSet", &json!({})));
    member.put(workload("apps/v1", "DaemonSet", &json!({})));
    member.settle();
    member.dirty.extend(member.objects.keys().cloned().collect::<Vec<_>>());
    assert_eq!(progress(&member, "2026-02-01T00:00:00Z".parse().expect("an instant")), []);
}

#[test]
fn new_image_makes_a_new_replica_set_and_empties_the_old_one() {
    let mut member = Member::with_nodes(1);
    member.put(workload("apps/v1", "Deployment", &json!({})));
    member.settle();
    let mut changed = member.one("Deployment").clone();
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop:2");
    member.put(changed);
    member.settle();

    let sets = member.all("ReplicaSet");
    let mut sizes: Vec<i64> = sets.iter().map(|set| count(&set["status"]["replicas"])).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 3]);
    let pods = member.all("Pod");
    assert_eq!(pods.len(), 3);
    assert!(pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "shop:2"));
    let deployment = member.one("Deployment");
    assert_eq!(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert_eq!(deployment["status"]["updatedReplicas"], 3);
    assert_eq!(deployment["status"]["replicas"], 3);
}

#[test]
fn lost_pod_is_replaced() {
    let mut member = Member::with_nodes(1);
    member.put(workload("apps/v1", "Deployment", &json!({})));
    member.settle();
    let lost = Id::of(member.all("Pod")[0]);
    let gone = member.objects.remove(&lost).expect("it is there");
    member.dirty.extend(controller(&gone, "web"));
    member.settle();
    assert_eq!(member.all("Pod").len(), 3);
}

#[test]
fn scaling_down_deletes_pods() {
    let mut member = Member::with_nodes(1);
    member.put(workload("apps/v1", "Deployment", &json!({})));
    member.settle();
    let mut changed = member.one("Deployment").clone();
    changed["spec"]["replicas"] = json!(1);
    member.put(changed);
    member.settle();
    assert_eq!(member.all("Pod").len(), 1);
    assert_eq!(member.one("Deployment")["status"]["readyReplicas"], 1);
}

#[test]
fn stateful_set_has_numbered_pods_and_claims() {
    let mut member = Member::with_nodes(1);
    let claim = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let spec = json!({"serviceName": "db", "volumeClaimTemplates": [claim]});
    member.put(workload("apps/v1", "StatefulSet", &spec));
    member.settle();
    let names: Vec<&str> = member.all("Pod").into_iter().map(name).collect();
    assert_eq!(names, ["shop-0", "shop-1", "shop-2"]);
    assert_eq!(member.one("StatefulSet")["status"]["readyReplicas"], 3);
    let claims = member.all("PersistentVolumeClaim");
    assert_eq!(name(claims[0]), "data-shop-0");
    assert!(claims.iter().all(|claim| claim["status"]["phase"] == "Bound"));
}

#[test]
fn stateful_set_rolls_to_a_new_template() {
    let mut member = Member::with_nodes(1);
    member.put(workload("apps/v1", "StatefulSet", &json!({})));
    member.settle();
    let mut changed = member.one("StatefulSet").clone();
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop:2");
    member.put(changed);
    member.settle();
    let pods = member.all("Pod");
    assert!(pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "shop:2"));
    let status = &member.one("StatefulSet")["status"];
    assert_eq!(status["currentRevision"], status["updateRevision"]);
}

#[test]
fn daemon_runs_on_each_node_that_it_tolerates() {
    let mut member = Member::with_nodes(3);
    let mut tainted = node("node-2", ("8", "32Gi", "110"), &Map::new(), "2026-01-31T00:00:00Z");
    tainted["spec"]["taints"] = json!([{"key": "gpu", "effect": "NoSchedule"}]);
    member.put(tainted);
    member.put(workload("apps/v1", "DaemonSet", &json!({})));
    member.settle();
    let status = &member.one("DaemonSet")["status"];
    assert_eq!(status["desiredNumberScheduled"], 2);
    assert_eq!(status["numberReady"], 2);
}

#[test]
fn job_completes() {
    let mut member = Member::with_nodes(1);
    member.put(workload("batch/v1", "Job", &json!({"completions": 4, "parallelism": 2})));
    member.settle();
    let status = &member.one("Job")["status"];
    assert_eq!(status["succeeded"], 4);
    assert_eq!(status["conditions"][1]["type"], "Complete");
    assert!(status.get("active").is_none());
}

#[test]
fn pod_without_a_node_waits_and_says_so() {
    let mut member = Member::default();
    member.put(workload("apps/v1", "Deployment", &json!({})));
    member.settle();
    let pod = member.all("Pod")[0];
    assert_eq!(pod["status"]["conditions"][0]["reason"], "Unschedulable");
    assert_eq!(member.one("Deployment")["status"]["unavailableReplicas"], 3);
}

#[test]
fn load_balancer_gets_an_address() {
    let mut member = Member::default();
    let mut service = workload("v1", "Service", &json!({}));
    service["spec"] = json!({"type": "LoadBalancer"});
    member.put(service);
    member.settle();
    assert!(member.one("Service")["status"]["loadBalancer"]["ingress"][0]["ip"].is_string());
}
