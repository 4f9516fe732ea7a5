//! Rules for ResourceInterpreterCustomization. Whether its scripts are Lua is `customize`'s to say.

use crate::api::manifest::group_of;
use crate::api::resource_interpreter_customization::{CustomizationSpec, CustomizationTarget};

use super::super::object::Checked;
use super::super::own::is_own;
use super::super::report::shown;
use super::super::scope::never_propagated;

/// All rules for a ResourceInterpreterCustomization.
pub(in super::super) fn customization(checked: &mut Checked<'_, '_>, spec: &CustomizationSpec) {
    let target = &spec.target;
    for (field, text) in [("apiVersion", &target.api_version), ("kind", &target.kind)] {
        if text.is_empty() {
            checked.error(
                &format!("/spec/target/{field}"),
                "FIELD_INVALID",
                format!("`spec.target.{field}` is empty"),
                "name the kind that the scripts are about, e.g. apps/v1 and Deployment",
            );
        }
    }
    never_asked(checked, target);
    if spec.customizations.operations().next().is_none() {
        checked.warning(
            "/spec/customizations",
            "CUSTOMIZATION_EMPTY",
            "the customization has no script",
            "add one, or remove the object",
        );
    }
}

/// Warns of a target that is the kind of no object that is ever asked about.
fn never_asked(checked: &mut Checked<'_, '_>, target: &CustomizationTarget) {
    let (api_version, kind) = (target.api_version.as_str(), target.kind.as_str());
    for (field, text) in [("apiVersion", api_version), ("kind", kind)] {
        if text.contains('*') {
            checked.warning(
                &format!("/spec/target/{field}"),
                "CUSTOMIZATION_TARGET",
                format!(
                    "`{}` is no pattern here: no object has it, so no script is called",
                    shown(text)
                ),
                "write one customization for each apiVersion and kind; rules of a webhook take `*`",
            );
        }
    }
    let group = group_of(api_version);
    if is_own(group) || never_propagated(group, kind, None, "").is_some() {
        let why = "is never sent to members, so no script is called for it";
        checked.warning(
            "/spec/target/kind",
            "CUSTOMIZATION_TARGET",
            format!("{} of {} {why}", shown(kind), shown(api_version)),
            "name the kind of the objects that policies select",
        );
    }
}
