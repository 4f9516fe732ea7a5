//! What each function gets and returns.

use std::sync::Arc;

use git_fleet::api::binding::AggregatedStatusItem;
use git_fleet::api::report::Health;
use git_fleet::api::resource_interpreter_customization::Operation;
use git_fleet::customize::{Limits, Scripts};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{code, customization, game, interpreter, load, with};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn items(list: Value) -> Vec<AggregatedStatusItem> {
    serde_json::from_value(list).unwrap()
}

#[test]
fn replicas_and_what_one_needs() {
    let mut interpreter = with(
        Operation::InterpretReplica,
        "local kube = require('kube')
         function GetReplicas(obj)
           return obj.spec.players / 2, kube.accuratePodRequirements(obj.spec.template)
         end",
    );
    let template = json!({"spec": {
        "nodeSelector": {"disk": "ssd"},
        "containers": [
            {"resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi"}}},
            {"resources": {"requests": {"cpu": 1}}},
        ],
    }});
    let replicas = interpreter
        .replicas(&game(json!({"players": 7, "template": template}), Value::Null))
        .unwrap()
        .unwrap();
    assert_eq!(replicas.count, 3, "the whole part");
    let requirements = serde_json::to_value(replicas.requirements).unwrap();
    assert_eq!(requirements["nodeClaim"], json!({"nodeSelector": {"disk": "ssd"}}));
    assert_eq!(requirements["resourceRequest"], json!({"cpu": "1250m", "memory": "1Gi"}));

    let nothing = interpreter
        .replicas(&game(json!({"players": 2, "template": {"spec": {}}}), Value::Null))
        .unwrap()
        .unwrap();
    assert_eq!((nothing.count, nothing.requirements), (1, None));

    for (script, expected) in [
        ("function GetReplicas() return 4 end", Ok((4, false))),
        ("function GetReplicas() return 4, {} end", Ok((4, true))),
        ("function GetReplicas() return '4' end", Err("LUA_ANSWER")),
        ("function GetReplicas() return -1 end", Err("LUA_ANSWER")),
        ("function GetReplicas() return 1e12 end", Err("LUA_ANSWER")),
        ("function GetReplicas() return 4, 'x' end", Err("LUA_ANSWER")),
        ("function GetReplicas() return nil end", Err("LUA_ANSWER")),
        ("GetReplicas = 4", Err("LUA_FUNCTION")),
        ("local function GetReplicas() return 4 end", Err("LUA_FUNCTION")),
        ("function GetReplicas() return obj.spec end", Err("LUA_ERROR")),
        ("function GetReplicas() return", Err("LUA_SYNTAX")),
        ("\u{1b}Lua", Err("LUA_SYNTAX")),
    ] {
        load(&mut interpreter, Operation::InterpretReplica, script);
        let answer = interpreter.replicas(&game(json!({}), Value::Null));
        let answer = answer
            .map(|replicas| replicas.unwrap())
            .map(|replicas| (replicas.count, replicas.requirements.is_some()))
            .map_err(|failure| failure.code());
        assert_eq!(answer, expected, "{script}");
    }
}

#[test]
fn components_by_name() {
    let script = "function GetComponents(obj)
        local components = {}
        for name, replicas in pairs(obj.spec.roles) do
          components[#components + 1] = {
            name = name, replicas = replicas, replicaRequirements = {resourceRequest = {cpu = '1'}},
          }
        end
        return components
      end";
    let mut interpreter = with(Operation::InterpretComponent, script);
    let object = game(json!({"roles": {"b": 2, "a": 1}}), Value::Null);
    let components = interpreter.components(&object).unwrap().unwrap();
    let shown = serde_json::to_value(components).unwrap();
    let needs = json!({"resourceRequest": {"cpu": "1"}});
    assert_eq!(
        shown,
        json!([
            {"name": "a", "replicas": 1, "replicaRequirements": needs},
            {"name": "b", "replicas": 2, "replicaRequirements": needs},
        ])
    );
    let none = interpreter.components(&game(json!({"roles": {}}), Value::Null)).unwrap();
    assert_eq!(none, Some(Vec::new()));
    load(&mut interpreter, Operation::InterpretComponent, "function GetComponents() end");
    assert_eq!(interpreter.components(&object).unwrap(), Some(Vec::new()));
    load(&mut interpreter, Operation::InterpretComponent, "function GetComponents() return 1 end");
    assert_eq!(code(interpreter.components(&object)), "LUA_ANSWER");
}

#[test]
fn a_revised_object_keeps_what_the_script_did_not_touch() {
    let script = "function ReviseReplica(obj, replicas)
        obj.spec.players = replicas * 2
        obj.spec.invented = {}
        return obj
      end";
    let mut interpreter = with(Operation::ReviseReplica, script);
    let spec = json!({
        "players": 1, "empty": {}, "none": [], "limit": 0.5, "large": 4_294_967_296_u64,
        "rules": [{"match": {}}],
    });
    let mut object = game(spec.clone(), Value::Null);
    interpreter.revise_replicas(&mut object, 3).unwrap();
    let mut expected = game(spec, Value::Null);
    expected.0["spec"]["players"] = json!(6);
    assert_eq!(object, expected);

    for script in [
        "function ReviseReplica(obj) obj.metadata.name = 'other' return obj end",
        "function ReviseReplica(obj) obj.metadata.namespace = nil return obj end",
        "function ReviseReplica(obj) obj.kind = 'Other' return obj end",
        "function ReviseReplica(obj) return {} end",
        "function ReviseReplica(obj) end",
    ] {
        load(&mut interpreter, Operation::ReviseReplica, script);
        let before = object.clone();
        assert_eq!(code(interpreter.revise_replicas(&mut object, 3)), "LUA_ANSWER", "{script}");
        assert_eq!(object, before);
    }
}

#[test]
fn a_member_keeps_what_the_script_says() {
    let script = "function Retain(desired, observed)
        desired.spec.port = observed.spec.port
        desired.spec.fromMember = observed.spec.fromMember
        return desired
      end";
    let interpreter = with(Operation::Retain, script);
    let mut desired = game(json!({"port": 1, "ours": {}}), Value::Null);
    let live = game(json!({"port": 7000, "fromMember": {"list": [], "map": {}}}), Value::Null);
    interpreter.retain(&mut desired, &live).unwrap();
    let expected = json!({"port": 7000, "ours": {}, "fromMember": {"list": [], "map": {}}});
    assert_eq!(desired.0["spec"], expected);
}

#[test]
fn the_reflected_status_is_a_table() {
    let script = "function ReflectStatus(observed)
        if observed.status == nil then return {} end
        return {players = observed.status.players, none = {}}
      end";
    let mut interpreter = with(Operation::InterpretStatus, script);
    let live = game(json!({}), json!({"players": 3}));
    assert_eq!(interpreter.reflect(&live, NOW).unwrap(), Some(json!({"players": 3})));
    let new = game(json!({}), Value::Null);
    assert_eq!(interpreter.reflect(&new, NOW).unwrap(), Some(json!({})));
    load(&mut interpreter, Operation::InterpretStatus, "function ReflectStatus() return nil end");
    assert_eq!(code(interpreter.reflect(&new, NOW)), "LUA_ANSWER");
}

#[test]
fn statuses_of_all_clusters_become_one() {
    let script = "function AggregateStatus(obj, items)
        if items == nil then
          obj.status = {clusters = 0}
          return obj
        end
        local players, names = 0, {}
        for i = 1, #items do
          if items[i].status ~= nil then players = players + items[i].status.players end
          names[i] = items[i].clusterName .. ':' .. items[i].health
        end
        obj.status = {players = players, at = os.date('!%Y-%m-%dT%H:%M:%SZ'), names = names}
        obj.spec = nil
        return obj
      end";
    let mut interpreter = with(Operation::AggregateStatus, script);
    let template = game(json!({}), json!({"clusters": 0}));
    let list = items(json!([
        {"clusterName": "one", "status": {"players": 2}, "applied": true, "health": "Healthy"},
        {"clusterName": "two"},
    ]));
    let status = interpreter.aggregate(&template, &list, NOW).unwrap().unwrap();
    let expected = json!({
        "players": 2, "at": "1970-01-01T00:00:00Z", "names": ["one:Healthy", "two:Unknown"],
    });
    assert_eq!(status, expected);

    let later = Timestamp::from_second(3600).unwrap();
    let again = interpreter.aggregate(&template, &list, later).unwrap().unwrap();
    assert_eq!(again, expected, "the same statuses are not stamped again");

    assert_eq!(interpreter.aggregate(&template, &[], NOW).unwrap(), None, "nothing changed");
    let cleared = "function AggregateStatus(obj) obj.status = {} return obj end";
    load(&mut interpreter, Operation::AggregateStatus, cleared);
    let status = interpreter.aggregate(&template, &list, NOW).unwrap();
    assert_eq!(status, Some(json!({})));
}

#[test]
fn health_is_true_or_false() {
    let script =
        "function InterpretHealth(o) return o.status ~= nil and o.status.phase == 'Up' end";
    let mut interpreter = with(Operation::InterpretHealth, script);
    for (status, health) in [
        (json!({"phase": "Up"}), Health::Healthy),
        (json!({"phase": "Down"}), Health::Unhealthy),
        (Value::Null, Health::Unhealthy),
    ] {
        assert_eq!(interpreter.health(&game(json!({}), status), NOW), Ok(health));
    }
    load(&mut interpreter, Operation::InterpretHealth, "function InterpretHealth() return 1 end");
    assert_eq!(code(interpreter.health(&game(json!({}), Value::Null), NOW)), "LUA_ANSWER");
}

#[test]
fn health_may_depend_on_the_time() {
    let script = "function InterpretHealth(o) return os.time() - o.status.beat < 60 end";
    let interpreter = with(Operation::InterpretHealth, script);
    let live = game(json!({}), json!({"beat": 0}));
    assert_eq!(interpreter.health(&live, NOW), Ok(Health::Healthy));
    let later = Timestamp::from_second(90).unwrap();
    assert_eq!(interpreter.health(&live, later), Ok(Health::Unhealthy));
}

#[test]
fn dependencies_of_all_customizations_are_united() {
    let pods = "local kube = require('kube')
        function GetDependencies(obj)
          return kube.getPodDependencies(obj.spec.template, obj.metadata.namespace)
        end";
    let maps = "function GetDependencies(obj)
          return {
            {apiVersion = 'v1', kind = 'Secret', namespace = 'play', name = 'key'},
            {apiVersion = 'v1', kind = 'ConfigMap', namespace = 'play', name = 'map'},
            {apiVersion = 'v1', kind = 'Pod', namespace = '', labelSelector = {matchLabels = {a = 'b'}}},
          }
        end";
    let customizations = [
        customization("b-maps", Operation::InterpretDependency, maps),
        customization("a-pods", Operation::InterpretDependency, pods),
    ];
    let mut interpreter = interpreter(Limits::default());
    interpreter.load(Arc::new(Scripts::new(&customizations).into()));
    let template = json!({"spec": {
        "serviceAccountName": "player",
        "volumes": [{"secret": {"secretName": "key"}}],
    }});
    let object = game(json!({"template": template}), Value::Null);
    let found = interpreter.dependencies(&object).unwrap();
    let names: Vec<_> = found.iter().map(|one| (one.kind.as_str(), one.name.as_str())).collect();
    let expected =
        [("ConfigMap", "map"), ("Pod", ""), ("Secret", "key"), ("ServiceAccount", "player")];
    assert_eq!(names, expected);
    assert_eq!(found[1].namespace, None);

    let nothing = game(json!({"template": {"spec": {}}}), Value::Null);
    load(&mut interpreter, Operation::InterpretDependency, pods);
    assert_eq!(interpreter.dependencies(&nothing).unwrap(), []);
    for bad in
        ["nil", "{{kind = 'Secret', name = 'a'}}", "{{apiVersion = 'v1', kind = 'Secret'}}", "'x'"]
    {
        let script = format!("function GetDependencies() return {bad} end");
        load(&mut interpreter, Operation::InterpretDependency, &script);
        assert_eq!(code(interpreter.dependencies(&nothing)), "LUA_ANSWER", "{bad}");
    }
}

#[test]
fn quantities_are_added_and_counted() {
    let script = "local kube = require('kube')
        function ReflectStatus(o)
          local ok, why = pcall(kube.resourceAdd, 'many')
          return {
            sum = kube.resourceAdd('1500m', nil, '2'),
            memory = kube.resourceAdd('1Gi', '512Mi'),
            nothing = kube.resourceAdd(),
            half = kube.getResourceQuantity('500m'),
            large = kube.getResourceQuantity('2Ti'),
            none = kube.getResourceQuantity(nil),
            refused = {tostring(ok), why},
            negative = (pcall(kube.getResourceQuantity, '-1')),
            number = (pcall(kube.resourceAdd, 1)),
            two = (pcall(kube.accuratePodRequirements, {}, {})),
          }
        end";
    let interpreter = with(Operation::InterpretStatus, script);
    let status = interpreter.reflect(&game(json!({}), Value::Null), NOW).unwrap().unwrap();
    let expected = json!({
        "sum": "3500m", "memory": "1536Mi", "nothing": "0", "half": 0.5,
        "large": 2_199_023_255_552_i64, "none": 0,
        "refused": ["false", "resourceAdd: `many` is no quantity"],
        "negative": false, "number": false, "two": false,
    });
    assert_eq!(status, expected);
}

#[test]
fn an_operation_without_a_script_is_native() {
    let mut interpreter =
        with(Operation::InterpretHealth, "function InterpretHealth() return false end");
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
    let mut health = customization(
        "deployments",
        Operation::InterpretHealth,
        "function InterpretHealth() return false end",
    );
    health.spec.target = serde_json::from_value(target).unwrap();
    interpreter.load(Arc::new(Scripts::new([&health]).into()));
    let deployment: git_fleet::api::manifest::Manifest = serde_json::from_value(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
        "spec": {"replicas": 2},
    }))
    .unwrap();
    assert_eq!(interpreter.health(&deployment, NOW), Ok(Health::Unhealthy), "its own script");
    assert_eq!(interpreter.replicas(&deployment).unwrap().unwrap().count, 2, "native");
    assert_eq!(interpreter.components(&deployment).unwrap(), None);
    let other = game(json!({}), json!({"phase": "Down"}));
    assert_eq!(interpreter.health(&other, NOW), Ok(Health::Healthy), "a kind without rules");
}

#[test]
fn the_first_name_answers_where_two_have_a_script() {
    let scripts = Scripts::new(&[
        customization(
            "b",
            Operation::InterpretHealth,
            "function InterpretHealth() return false end",
        ),
        customization(
            "a",
            Operation::InterpretHealth,
            "function InterpretHealth() return true end",
        ),
    ]);
    let object = game(json!({}), Value::Null);
    let names: Vec<_> = scripts
        .get(&object, Operation::InterpretHealth)
        .iter()
        .map(|script| &*script.customization)
        .collect();
    assert_eq!(names, ["a"]);
}

#[test]
fn what_nothing_would_read_is_refused_by_its_name() {
    let object = game(json!({}), Value::Null);
    for (script, why) in [
        (
            "return 2, {resourceRequests = {cpu = '1'}}",
            "what a replica needs has no `resourceRequests`; did it mean `resourceRequest`?",
        ),
        (
            "return 2, {nodeClaim = {tolerationz = {{key = 'a'}}}}",
            "`nodeClaim` has no `tolerationz`; did it mean `tolerations`?",
        ),
    ] {
        let script = format!("function GetReplicas(o) {script} end");
        let failure = with(Operation::InterpretReplica, &script).replicas(&object).unwrap_err();
        assert_eq!(failure.code(), "LUA_ANSWER");
        assert!(failure.to_string().ends_with(why), "{failure}");
    }
    for (list, why) in [
        ("{{name = 'a', replicas = 1}, {name = 'a', replicas = 2}}", "have the name `a`"),
        ("{{name = '', replicas = 1}}", "a component has no `name`"),
        ("{{name = 'a', replicas = 1.5}}", "`[0].replicas` has not the form that is asked for"),
        ("{{name = 'a', replicas = -2}}", "-2 is no number of replicas"),
        ("{{name = 'a', replica = 1}}", "a component has no `replica`; did it mean `replicas`?"),
    ] {
        let script = format!("function GetComponents(o) return {list} end");
        let failure = with(Operation::InterpretComponent, &script).components(&object).unwrap_err();
        assert_eq!(failure.code(), "LUA_ANSWER");
        assert!(failure.to_string().ends_with(why), "{failure}");
    }
    for (status, what) in [("'Ready'", "text"), ("{'Ready'}", "a list"), ("7", "a number")] {
        let script = format!("function AggregateStatus(o) o.status = {status} return o end");
        let failure = with(Operation::AggregateStatus, &script).aggregate(&object, &[], NOW);
        let failure = failure.unwrap_err();
        assert_eq!(failure.code(), "LUA_ANSWER");
        let why = format!("of `status`, a table with names is expected, not {what}");
        assert!(failure.to_string().ends_with(&why), "{failure}");
    }
}

/// `docs/customizations.md` says what a script for a built-in kind has to return.
#[test]
fn the_documented_status_of_a_deployment_lets_the_built_in_aggregation_finish() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/customizations.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let script = docs.split("```lua\n").nth(1).unwrap().split("```").next().unwrap();
    let mut rule = customization("deployments", Operation::InterpretStatus, script);
    rule.spec.target.api_version = "apps/v1".to_owned();
    rule.spec.target.kind = "Deployment".to_owned();
    let mut interpreter = interpreter(Limits::default());
    interpreter.load(Arc::new(Scripts::new([&rule]).into()));
    let deployment = |metadata: Value, status: Value| -> git_fleet::api::manifest::Manifest {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"replicas": 1}, "status": status});
        serde_json::from_value(object).unwrap()
    };
    let counters = json!({"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1,
        "availableReplicas": 1, "observedGeneration": 5});
    let marks = json!({"resourcetemplate.karmada.io/generation": "3"});
    let live = deployment(json!({"name": "a", "generation": 5, "annotations": marks}), counters);
    let template = deployment(json!({"name": "a", "generation": 3}), json!({}));
    let seen = |status: Value| {
        let items = items(json!([{"clusterName": "one", "status": status, "health": "Healthy"}]));
        let status = interpreter.aggregate(&template, &items, NOW).unwrap().unwrap();
        status["observedGeneration"].as_i64()
    };
    let mut reflected = interpreter.reflect(&live, NOW).unwrap().unwrap();
    assert_eq!(seen(reflected.clone()), Some(3));
    reflected.as_object_mut().unwrap().remove("resourceTemplateGeneration");
    assert_ne!(seen(reflected), Some(3), "without it the status stays in progress");
}
