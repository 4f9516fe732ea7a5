//! What the function of each operation is given, and what it returns.

use crate::api::resource_interpreter_customization::Operation;

/// The documentation of an operation's function, as comments above a script that answers.
pub(super) fn doc(operation: Operation) -> &'static str {
    match operation {
        Operation::InterpretReplica => {
            "\
-- GetReplicas says how many replicas an object asks for, and what one of them needs.
--   desired: the object in the source.
--   Returns a whole number, and a table with resourceRequest, nodeClaim, namespace and
--   priorityClassName, or nil if one needs nothing in particular.
function GetReplicas(desired)
  local kube = require('kube')
  return desired.spec.replicas, kube.accuratePodRequirements(desired.spec.template)
end
"
        }
        Operation::InterpretComponent => {
            "\
-- GetComponents says which parts an object consists of that scale by themselves.
--   desired: the object in the source.
--   Returns a list of tables with name, replicas and replicaRequirements; each name once.
function GetComponents(desired)
  return {
    {name = 'leader', replicas = 1},
    {name = 'workers', replicas = desired.spec.workers},
  }
end
"
        }
        Operation::ReviseReplica => {
            "\
-- ReviseReplica writes the replicas that one cluster is to run into the object.
--   desired: the object in the source. replicas: a whole number.
--   Returns the whole object.
function ReviseReplica(desired, replicas)
  desired.spec.replicas = replicas
  return desired
end
"
        }
        Operation::Retain => {
            "\
-- Retain keeps in an update what the member itself has written into the object.
--   desired: what is about to be applied. observed: the object in the member.
--   Returns desired, with what is to be kept of observed.
function Retain(desired, observed)
  desired.spec.paused = observed.spec.paused
  return desired
end
"
        }
        Operation::InterpretStatus => {
            "\
-- ReflectStatus picks the part of the status that is carried home from a member.
--   observed: the object in the member.
--   Returns a table.
function ReflectStatus(observed)
  if observed.status == nil then return {} end
  return {readyReplicas = observed.status.readyReplicas}
end
"
        }
        Operation::AggregateStatus => {
            "\
-- AggregateStatus makes the object's status of what the members reflected.
--   desired: the object in the source. items: a list of tables with clusterName, status, applied,
--   appliedMessage and health, or nil if no cluster runs it; a status is nil until it was reported.
--   Returns desired with the new status; nothing else of it is taken.
function AggregateStatus(desired, items)
  local ready = 0
  for _, item in ipairs(items or {}) do
    if item.status ~= nil then ready = ready + (item.status.readyReplicas or 0) end
  end
  desired.status = {readyReplicas = ready}
  return desired
end
"
        }
        Operation::InterpretHealth => {
            "\
-- InterpretHealth says whether an object does in its member what it should.
--   observed: the object in the member.
--   Returns true or false.
function InterpretHealth(observed)
  return observed.status ~= nil and observed.status.phase == 'Running'
end
"
        }
        Operation::InterpretDependency => {
            "\
-- GetDependencies names what an object refers to and cannot run without.
--   desired: the object in the source.
--   Returns a list of tables with apiVersion, kind, namespace and name, or labelSelector for name.
function GetDependencies(desired)
  return {{
    apiVersion = 'v1',
    kind = 'ConfigMap',
    namespace = desired.metadata.namespace,
    name = desired.spec.configName,
  }}
end
"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_defines_the_function_of_its_operation() {
        for operation in Operation::ALL.iter().copied() {
            let function = operation.function();
            let doc = doc(operation);
            assert!(doc.starts_with(&format!("-- {function} ")), "{doc}");
            assert!(doc.contains(&format!("\nfunction {function}(")), "{doc}");
        }
    }
}
