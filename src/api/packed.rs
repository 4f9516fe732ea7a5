//! Values of which a fleet keeps very many, most of them alike.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use lz4_flex::block;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is kept packed. Its JSON is of keys that are text, and nested less deep than JSON is read (see
/// [`DEPTH_MAX`](super::depth::DEPTH_MAX)).
pub trait Packable: Serialize + DeserializeOwned {
    /// What the JSON of most of them consists of. It takes part in packing, and is never written anywhere: it
    /// may change at any time. Packing looks through all of it, so it pays to be short.
    const COMMON: &'static [u8];
}

/// A value as it is kept: its JSON, in LZ4 blocks that refer to what is common to all; about a third of it.
/// Clones share it. Equal if and only if the JSON is.
pub struct Packed<T> {
    bytes: Arc<[u8]>,
    of: PhantomData<fn() -> T>,
}

impl<T: Packable> Packed<T> {
    /// Packs `value`: some hundred megabytes a second.
    #[must_use]
    pub fn new(value: &T) -> Self {
        let json = serde_json::to_vec(value).expect("keys are text");
        let bytes = block::compress_prepend_size_with_dict(&json, T::COMMON).into();
        Self { bytes, of: PhantomData }
    }

    /// The value; most of its time goes into reading the JSON.
    #[must_use]
    pub fn open(&self) -> T {
        serde_json::from_slice(&self.json()).expect("it was made of such a value")
    }

    /// The JSON, with the keys in the order in which they were written.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        block::decompress_size_prepended_with_dict(&self.bytes, T::COMMON)
            .expect("it was made by `new`")
    }
}

impl<T> Clone for Packed<T> {
    fn clone(&self) -> Self {
        Self { bytes: Arc::clone(&self.bytes), of: PhantomData }
    }
}

impl<T> PartialEq for Packed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Packed<T> {}

impl<T> fmt::Debug for Packed<T> {
    /// Without the content, which may be a Secret's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::api::manifest::Manifest;

    use super::*;

    fn manifest(value: Value) -> Manifest {
        Manifest::from_value(value).unwrap()
    }

    /// What no value can be written as is common to none.
    #[test]
    fn what_is_common_is_as_it_is_written() {
        for line in str::from_utf8(Manifest::COMMON).unwrap().lines() {
            let manifest: Manifest = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&manifest).unwrap(), line);
        }
    }

    #[test]
    fn what_is_like_the_others_takes_a_third() {
        let deployment = manifest(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "shop", "namespace": "web", "labels": {"app": "shop", "karmada.io/managed": "true"}},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"app": "shop"}},
                "template": {
                    "metadata": {"labels": {"app": "shop"}},
                    "spec": {"containers": [{
                        "name": "shop", "image": "registry.example.com/shop:v1", "ports": [{"containerPort": 8080}],
                        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
                    }]},
                },
            },
        }));
        let packed = Packed::new(&deployment);
        let (n_packed, n_bytes) = (packed.bytes.len(), packed.json().len());
        assert!(n_packed * 3 < n_bytes, "{n_packed} of {n_bytes}");
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(
            texts in prop::collection::vec(".{0,80}", 0..20),
            number: i64,
            fraction: f64,
        ) {
            let value = json!({"kind": "ConfigMap", "texts": texts, "number": number, "fraction": fraction});
            let value = manifest(value);
            let packed = Packed::new(&value);
            prop_assert_eq!(packed.json(), serde_json::to_vec(&value).unwrap());
            prop_assert_eq!(packed.open(), value);
        }
    }
}
