//! Scripts that would harm: each fails alone, in time, and the next call works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use git_fleet::api::manifest::Manifest;
use git_fleet::api::report::Health;
use git_fleet::api::resource_interpreter_customization::Operation;
use git_fleet::customize::{Cause, Failure, Interpreter, Limits, Scripts};
use git_fleet::interpret::NoAnswer;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{game, interpreter, load};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const LIMITS: Limits = Limits {
    time: Duration::from_millis(500),
    memory_bytes: 64 << 20,
    plan_wait: Duration::from_secs(30),
};

/// What becomes of a script, by the code of its failure.
fn outcome(interpreter: &mut Interpreter, body: &str) -> Result<Health, (&'static str, String)> {
    let script = format!("function InterpretHealth(o) {body} end");
    load(interpreter, Operation::InterpretHealth, &script);
    let started = Instant::now();
    let outcome = interpreter.health(&game(json!({}), Value::Null), NOW);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{body}: {took:?}");
    outcome.map_err(|failure| (failure.code(), failure.to_string()))
}

#[test]
fn a_hostile_script_fails_alone() {
    let mut interpreter = interpreter(LIMITS);
    let grown = "local s = 'a' for _ = 1, 19 do s = s .. s end";
    for (body, code) in [
        ("while true do end", "LUA_LIMIT"),
        ("while true do pcall(function() while true do end end) end", "LUA_LIMIT"),
        ("repeat local ok = pcall(error, 'x') until false", "LUA_LIMIT"),
        ("local s = 'x' while true do s = s .. s end", "LUA_LIMIT"),
        ("local t = {} while true do t[#t + 1] = {t} end", "LUA_LIMIT"),
        ("local t = {} for i = 1, 1e9 do t[i] = tostring(i) .. 'x' end", "LUA_LIMIT"),
        ("local function f() return f() end f()", "LUA_LIMIT"),
        // One call of a library that the virtual machine does not look into.
        (&format!("{grown} return s:find('.-.-.-.-.-.-.-b') ~= nil"), "LUA_LIMIT"),
        (
            &format!(
                "{grown} local p = s:sub(1, 1e5):upper():lower() return s:match(p .. '?') ~= nil"
            ),
            "ok",
        ),
        (
            "local t = {} for i = 1, 3e5 do t[i] = i end table.sort(t, function() return true end)",
            "LUA_ERROR",
        ),
        ("local s = string.rep('x', 1e10) return #s > 0", "LUA_ERROR"),
        ("local function f(n) return 1 + f(n + 1) end return f(1) > 0", "LUA_ERROR"),
        ("os.execute('touch /tmp/owned')", "LUA_ERROR"),
        ("os.exit(0)", "LUA_ERROR"),
        ("os.getenv('PATH')", "LUA_ERROR"),
        ("os.remove('/tmp/x')", "LUA_ERROR"),
        ("io.open('/etc/passwd')", "LUA_ERROR"),
        ("require('os')", "LUA_ERROR"),
        ("require('io')", "LUA_ERROR"),
        ("package.loadlib('libc.so.6', 'system')", "LUA_ERROR"),
        ("debug.getinfo(1)", "LUA_ERROR"),
        ("load('return 1')", "LUA_ERROR"),
        ("loadstring('return 1')", "LUA_ERROR"),
        ("dofile('/etc/passwd')", "LUA_ERROR"),
        ("setmetatable({}, {})", "LUA_ERROR"),
        ("getmetatable('').__index = nil", "LUA_ERROR"),
        ("getfenv(0)", "LUA_ERROR"),
        ("for i = 1, 1e7 do coroutine.wrap(function() end)() end", "LUA_ERROR"),
        ("string.dump(print)", "LUA_ERROR"),
        (&format!("{grown} s = s .. s return s:len() > 0"), "LUA_ERROR"),
        ("print('to the parent') return true", "ok"),
    ] {
        let outcome = outcome(&mut interpreter, body);
        match outcome {
            Ok(_) => assert_eq!(code, "ok", "{body}"),
            Err((got, message)) => assert_eq!(got, code, "{body}: {message}"),
        }
        let next = self::outcome(&mut interpreter, "return true");
        assert_eq!(next, Ok(Health::Healthy), "after {body}");
    }
}

#[test]
fn a_script_leaves_nothing_behind() {
    let mut interpreter = interpreter(LIMITS);
    let poison = "
        string.find = nil table.concat = nil math.floor = nil type = nil tostring = nil
        os.time = nil left = 'behind' _G.pairs = nil package.loaded.kube = {}
        require('kube').resourceAdd = nil
        return true";
    assert_eq!(outcome(&mut interpreter, poison), Ok(Health::Healthy));
    let look = "
        return ('abc'):find('b') == 2 and table.concat({'a', 'b'}) == 'ab' and math.floor(1.5) == 1
          and type(os.time()) == 'number' and left == nil and pairs ~= nil
          and require('kube').resourceAdd('1', '2') == '3' and tostring(1e15) == '1000000000000000'";
    assert_eq!(outcome(&mut interpreter, look), Ok(Health::Healthy));
}

#[test]
fn chance_is_the_same_for_all() {
    let mut interpreter = interpreter(LIMITS);
    let draw = "local a, b = math.random(), math.random(10) return a < 1 and b >= 1 and b <= 10";
    assert_eq!(outcome(&mut interpreter, draw), Ok(Health::Healthy));
    let script = "function ReflectStatus(o) return {math.random(1000), math.random(1000)} end";
    let mut drawn = Vec::new();
    for round in 0..2 {
        load(&mut interpreter, Operation::InterpretStatus, script);
        let object = game(json!({"round": round}), Value::Null);
        drawn.push(interpreter.reflect(&object, NOW).unwrap().unwrap());
    }
    assert_eq!(drawn[0], drawn[1]);
}

#[test]
fn a_script_that_used_up_its_limits_three_times_waits() {
    let mut interpreter = interpreter(Limits { time: Duration::from_millis(50), ..LIMITS });
    let script = "function InterpretHealth(o) while o.spec.loops do end return true end";
    load(&mut interpreter, Operation::InterpretHealth, script);
    let loops = game(json!({"loops": true}), Value::Null);
    let told: Vec<Failure> = (0..4).map(|_| interpreter.health(&loops, NOW).unwrap_err()).collect();
    assert!(told[0].to_string().contains("longer than 50 ms"), "{}", told[0]);
    // What is told goes into commits: it does not change while the script does not.
    let words = |failure: &Failure| (failure.code(), failure.to_string(), failure.hint());
    assert_eq!(words(&told[3]), words(&told[0]));
    let is_benched =
        |failure: &Failure| matches!(failure, Failure::Script { cause: Cause::Benched(_), .. });
    assert_eq!([2, 3].map(|n: usize| is_benched(&told[n])), [false, true]);
    let script = "function InterpretHealth(o) return true end";
    load(&mut interpreter, Operation::InterpretHealth, script);
    assert_eq!(interpreter.health(&loops, NOW), Ok(Health::Healthy), "another script");
}

#[test]
fn a_plan_waits_for_a_script_no_longer_than_it_may_and_the_next_one_goes_on() {
    // Any call takes longer.
    let mut interpreter = interpreter(Limits { plan_wait: Duration::from_nanos(1), ..LIMITS });
    let script = "function GetReplicas(o) return o.spec.players end";
    load(&mut interpreter, Operation::InterpretReplica, script);
    let count = |interpreter: &Interpreter, players: i32| {
        let replicas = interpreter.replicas(&game(json!({"players": players}), Value::Null));
        replicas.map(|replicas| replicas.unwrap().count).map_err(NoAnswer::from)
    };
    for planned in 1..4 {
        interpreter.begin_plan();
        for players in 1..=planned {
            assert_eq!(count(&interpreter, players), Ok(players), "what is known is not asked");
        }
        let failure = count(&interpreter, planned + 1).unwrap_err();
        assert_eq!((failure.code, failure.is_passing), ("LUA_BUDGET", true));
    }
}

#[test]
fn what_a_script_says_is_told_on_one_short_line_and_of_a_secret_not_at_all() {
    let target = |kind: &str, operation: Operation, script: &str| {
        let mut customization = super::customization("games", operation, script);
        if kind == "Secret" {
            customization.spec.target.api_version = "v1".to_owned();
            customization.spec.target.kind = kind.to_owned();
        }
        let mut interpreter = interpreter(LIMITS);
        interpreter.load(Arc::new(Scripts::new([&customization]).into()));
        interpreter
    };
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "spec": {"word": "hunter2"}});
    let secret = Manifest::from_value(secret).unwrap();
    let game = game(json!({"word": "hunter2"}), Value::Null);

    let script = "function GetReplicas(o)
      local words = o.spec.word for i = 1, 999 do words = words .. 'x' end error('\\n' .. words)
    end";
    let operation = Operation::InterpretReplica;
    let told = target("Game", operation, script).replicas(&game).unwrap_err().to_string();
    assert!(told.len() < 500 && told.contains("hunter2x") && !told.contains('\n'), "{told}");
    let told = target("Secret", operation, script).replicas(&secret).unwrap_err().to_string();
    let untold = "InterpretReplica of v1 Secret by the customization `games`: the script failed: its words are not told, for the object is a Secret";
    assert_eq!(told, untold);

    // What it returned is told of nobody.
    let script = "function GetComponents(o) return {{name = 'a', replicas = o.spec.word}} end";
    let operation = Operation::InterpretComponent;
    let told = target("Game", operation, script).components(&game).unwrap_err().to_string();
    assert!(told.ends_with("`[0].replicas` has not the form that is asked for"), "{told}");
}

/// What is told goes into commits: a value that is no text has an address of its own in each call.
#[test]
fn an_error_that_is_no_text_is_told_alike() {
    let mut interpreter = interpreter(LIMITS);
    load(&mut interpreter, Operation::InterpretHealth, "function InterpretHealth(o) error({}) end");
    let told = [1, 2].map(|round| {
        let object = game(json!({"round": round}), Value::Null);
        interpreter.health(&object, NOW).unwrap_err().to_string()
    });
    assert!(told[0].ends_with("the script failed: table"), "{}", told[0]);
    assert_eq!(told[0], told[1]);
}
