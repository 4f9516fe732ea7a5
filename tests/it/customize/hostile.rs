//! Scripts that would harm: each fails alone, in time, and the next call works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use git_fleet::api::manifest::Manifest;
use git_fleet::api::report::Health;
use git_fleet::api::resource_interpreter_customization::Operation;
use git_fleet::customize::{Failure, Interpreter, Limits, Scripts};
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

/// The answers for four objects that make the script loop and six that do not, in this order.
fn four_bad_and_six_good<T>(
    answer: impl Fn(&Manifest) -> Result<T, Failure>,
) -> Vec<Result<T, NoAnswer>> {
    let object = |n| game(json!({"loops": n < 4, "players": n}), Value::Null);
    (0..10).map(|n| answer(&object(n)).map_err(NoAnswer::from)).collect()
}

#[test]
fn an_object_that_makes_a_script_loop_costs_no_other_its_answer() {
    let mut interpreter = interpreter(Limits { time: Duration::from_millis(50), ..LIMITS });
    let body = "while o.spec.loops do end return o.spec.players";
    load(
        &mut interpreter,
        Operation::InterpretReplica,
        &format!("function GetReplicas(o) {body} end"),
    );
    let plan = |interpreter: &mut Interpreter| {
        interpreter.begin_plan();
        four_bad_and_six_good(|object| {
            interpreter.replicas(object).map(|replicas| replicas.unwrap().count)
        })
    };
    let first = plan(&mut interpreter);
    for (n, answer) in first.iter().enumerate() {
        match answer {
            Ok(count) => assert_eq!((*count, n >= 4), (n as i32, true)),
            Err(failure) => {
                assert_eq!((failure.code, failure.is_passing, n < 4), ("LUA_LIMIT", true, true));
                assert!(failure.message.ends_with("longer than 50 ms"), "{}", failure.message);
            }
        }
    }
    // What is told goes into commits: it stays, and nothing is called for it.
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(plan(&mut interpreter), first);
    }
    assert!(start.elapsed() < Duration::from_millis(4 * 50));

    let body = "while o.spec.loops do end return true";
    load(
        &mut interpreter,
        Operation::InterpretHealth,
        &format!("function InterpretHealth(o) {body} end"),
    );
    let seen = four_bad_and_six_good(|object| interpreter.health(object, NOW));
    let codes: Vec<_> = seen.iter().map(|seen| seen.as_ref().map_err(|one| one.code)).collect();
    let (bad, good) = codes.split_at(4);
    assert_eq!((bad, good), (&[Err("LUA_LIMIT"); 4][..], &[Ok(&Health::Healthy); 6][..]));
}

#[test]
fn a_script_that_fails_for_everything_holds_up_a_plan_for_its_time_only() {
    let limits =
        Limits { time: Duration::from_millis(50), plan_wait: Duration::from_millis(300), ..LIMITS };
    let mut interpreter = interpreter(limits);
    let script = "function GetReplicas(o) while true do end end";
    load(&mut interpreter, Operation::InterpretReplica, script);
    let failure = |interpreter: &Interpreter, n: i32| {
        let object = game(json!({"players": n}), Value::Null);
        NoAnswer::from(interpreter.replicas(&object).unwrap_err())
    };
    let start = Instant::now();
    let failures: Vec<_> = (0..500).map(|n| failure(&interpreter, n)).collect();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!((failures[0].code, failures[499].code), ("LUA_LIMIT", "LUA_BUDGET"));
    assert!(failures.iter().all(|failure| failure.is_passing));
    // The next plan goes on where this one ended.
    let n_asked = failures.iter().take_while(|failure| failure.code == "LUA_LIMIT").count();
    interpreter.begin_plan();
    assert_eq!(failure(&interpreter, 0), failures[0]);
    assert_eq!(failure(&interpreter, n_asked as i32).code, "LUA_LIMIT");
    // Another script has its own time.
    load(&mut interpreter, Operation::InterpretReplica, "function GetReplicas(o) return 1 end");
    let object = game(json!({"players": 0}), Value::Null);
    assert_eq!(interpreter.replicas(&object).unwrap().unwrap().count, 1);
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
