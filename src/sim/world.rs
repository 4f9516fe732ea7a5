//! The state of one member, and one request against it.
//!
//! A member is owned by one thread: requests of all connections take turns, each from start to end,
//! so nothing here locks or waits.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::resources::{Registry, Resource};
use super::route::{Format, Options};
use super::status_error::Refusal;
use super::storage::{Key, Object, Storage};

/// One member's objects, kinds and source of chance.
#[derive(Debug)]
pub(super) struct World {
    pub storage: Storage,
    pub registry: Registry,
    pub rng: fastrand::Rng,
    /// Tokens that were issued on request, and the accounts that they are of.
    pub issued: BTreeMap<String, Key>,
}

/// One request for objects, parsed.
#[derive(Debug)]
pub(super) struct Call {
    pub resource: Rc<Resource>,
    /// Empty when the path names none.
    pub namespace: String,
    pub name: Option<String>,
    pub subresource: Option<String>,
    pub options: Options,
    pub format: Format,
    /// Who asks, when no field manager is named: the program's name.
    pub user_agent: String,
}

impl Call {
    /// The name that the path must have given.
    pub(super) fn name(&self) -> Result<&str, Refusal> {
        self.name.as_deref().ok_or_else(Refusal::method_not_allowed)
    }

    pub(super) fn key(&self) -> Result<Key, Refusal> {
        Ok(Key::new(&self.resource, &self.namespace, self.name()?))
    }
}

/// What a request is answered with.
#[derive(Debug)]
pub(super) enum Reply {
    Object(Rc<Object>),
    Value(Value),
}

/// A reply with its HTTP code.
#[derive(Debug)]
pub(super) struct Answer {
    pub code: u16,
    pub reply: Reply,
}

impl Answer {
    pub(super) fn ok(reply: Reply) -> Self {
        Self { code: 200, reply }
    }
}

/// The namespaces every cluster is born with.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl World {
    /// A fresh cluster: the namespaces and the service `kubernetes`.
    pub(super) fn new(seed: u64) -> Self {
        let mut world = Self {
            storage: Storage::new(),
            registry: Registry::built_in(),
            rng: fastrand::Rng::with_seed(seed),
            issued: BTreeMap::new(),
        };
        for name in NAMESPACES {
            world
                .seed(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        }
        world.seed(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "type": "ClusterIP", "sessionAffinity": "None",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
        }));
        world
    }

    /// Creates an object of ours, as the cluster itself would.
    pub(super) fn seed(&mut self, object: Value) {
        let text = |pointer: &str| {
            object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let Some(resource) = self.registry.of_kind(&text("/apiVersion"), &text("/kind")).cloned()
        else {
            return;
        };
        let call = Call {
            resource,
            namespace: text("/metadata/namespace"),
            name: None,
            subresource: None,
            options: Options::default(),
            format: Format::Json,
            user_agent: "kube-apiserver".to_owned(),
        };
        let status = object.get("status").cloned();
        let stored = match super::write::create(self, &call, object) {
            Ok(Answer { reply: Reply::Object(stored), .. }) => stored,
            Ok(_) => return,
            Err(refusal) => {
                let error = refusal.message;
                tracing::warn!(%error, "a simulated cluster lacks one of its own objects");
                return;
            }
        };
        // A create drops the status, as for everybody.
        if let Some(status) = status {
            let mut value = stored.value();
            value["status"] = status;
            self.storage.put(&stored.key, stored.api_version.clone(), value);
        }
    }

    /// A uid in the shape of a random UUID, from the member's seed.
    pub(super) fn uid(&mut self) -> String {
        let bits = self.rng.u128(..);
        let hex = format!("{bits:032x}");
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    /// Five letters and digits, as `generateName` appends them.
    pub(super) fn suffix(&mut self) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5).map(|_| char::from(ALPHABET[self.rng.usize(..ALPHABET.len())])).collect()
    }

    /// Whether `namespace` exists and may take new objects.
    pub(super) fn check_namespace(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), Refusal> {
        let key = Key { table: "namespaces.".into(), namespace: "".into(), name: namespace.into() };
        match self.storage.get(&key) {
            Some(found) if found.deleting => {
                Err(Refusal::namespace_terminating(resource, name, namespace))
            }
            Some(_) => Ok(()),
            None => {
                let namespaces =
                    self.registry.find("", "v1", "namespaces").expect("a built-in kind");
                Err(Refusal::not_found(namespaces, namespace))
            }
        }
    }
}

/// The present instant as Kubernetes writes it, in whole seconds.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How many requests of each verb a member has answered since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Requests by verb: `get list watch create update patch delete deletecollection`, and `other`
    /// for discovery and health. Requests that a fault refused count as well.
    pub by_verb: BTreeMap<&'static str, u64>,
    /// Version of the member's last change: equal before and after means that nothing changed.
    pub resource_version: u64,
}

impl Requests {
    /// Requests that could change an object; a dry run cannot, and does not count.
    pub fn writes(&self) -> u64 {
        ["create", "update", "patch", "delete", "deletecollection"]
            .iter()
            .map(|verb| self.of(verb))
            .sum()
    }

    /// Requests of one verb.
    pub fn of(&self, verb: &str) -> u64 {
        self.by_verb.get(verb).copied().unwrap_or_default()
    }
}
