//! What the fleet itself stands on in each cluster is no template: whoever placed it could lock the fleet out
//! (`spec/reliability-security.md` R-93, B219).

use crate::api::manifest::ObjectKey;
use crate::api::marks::{ACCOUNT, ACCOUNT_NAMESPACE, ACCOUNT_TOKEN};
use crate::api::problem::Problem;

use super::assemble::Template;

const RBAC: &str = "rbac.authorization.k8s.io";

/// What is wrong with a template that is part of the account that `git fleet join` makes, by its name.
pub(super) fn check(key: &ObjectKey, template: &Template) -> Option<Problem> {
    let kind = (&*key.group_kind.group, &*key.group_kind.kind);
    let (namespace, name) = (key.namespace.as_deref(), &*key.name);
    let is_home = namespace == Some(ACCOUNT_NAMESPACE);
    let is_account = match kind {
        ("", "Namespace") => name == ACCOUNT_NAMESPACE,
        ("", "ServiceAccount") => is_home && name == ACCOUNT,
        ("", "Secret") => is_home && name == ACCOUNT_TOKEN,
        (RBAC, "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding") => name == ACCOUNT,
        _ => false,
    };
    is_account.then(|| {
        Problem::error(
            template.place_of("/metadata/name"),
            "SELF_PROTECTED",
            format!("{key} is the account by which the fleet acts in its clusters"),
            "leave it to `git fleet join` and `git fleet unjoin`, or give this one another name",
        )
    })
}
