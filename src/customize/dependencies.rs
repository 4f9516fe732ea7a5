//! Dependencies as scripts and webhooks give them.

use serde_json::Value;

use super::foreign::typed;
use crate::interpret::Dependency;

/// A list of dependencies, or what is wrong with it.
pub(super) fn dependencies_of(list: Value) -> Result<Vec<Dependency>, String> {
    let mut dependencies: Vec<Dependency> = typed(list)?;
    for dependency in &mut dependencies {
        dependency.namespace = dependency.namespace.take().filter(|name| !name.is_empty());
        if dependency.api_version.is_empty() || dependency.kind.is_empty() {
            return Err("a dependency has no apiVersion or no kind".to_owned());
        }
        if dependency.name.is_empty() && dependency.label_selector.is_none() {
            return Err("a dependency has neither name nor labelSelector".to_owned());
        }
    }
    Ok(dependencies)
}
