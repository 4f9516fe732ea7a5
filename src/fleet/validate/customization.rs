//! Rules for ResourceInterpreterCustomization. Whether its scripts are Lua is `customize`'s to say.

use crate::api::resource_interpreter_customization::CustomizationSpec;

use super::super::object::Checked;

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
    if spec.customizations.operations().next().is_none() {
        checked.warning(
            "/spec/customizations",
            "CUSTOMIZATION_EMPTY",
            "the customization has no script",
            "add one, or remove the object",
        );
    }
}
