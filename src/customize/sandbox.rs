//! Lua 5.1 with what a script may use of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Instant;

use mlua::chunk::ChunkMode;
use mlua::{
    Error, Function, HookTriggers, Lua, LuaOptions, MultiValue, StdLib, Table, Value as LuaValue,
    VmState,
};
use serde_json::Value;

use super::convert::{from_lua, to_lua};
use super::failure::Cause;
use super::foreign::told;
use super::kube;
use super::limits::Limits;
use super::protocol::Reply;

/// How often the clock is looked at: every so many instructions of the virtual machine.
const CLOCK_INSTRUCTIONS: u32 = 10_000;
/// Garbage above this is collected after the call that made it.
const GARBAGE_BYTES_MAX: usize = 8 << 20;

/// One virtual machine, with the scripts that it has compiled.
pub(super) struct Sandbox {
    lua: Lua,
    limits: Limits,
    new_world: Function,
    /// The world of the next call, made while nobody waited, and what begins it.
    next_world: Cell<Option<(Table, Function)>>,
    scripts: BTreeMap<String, Function>,
    clock: Rc<Clock>,
}

/// When a call must end, whether it did not, and whether it asked for the time.
struct Clock {
    deadline: Cell<Instant>,
    has_struck: Cell<bool>,
    was_read: Cell<bool>,
}

impl Sandbox {
    /// A new machine.
    pub(super) fn new(limits: Limits) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
        let lua = Lua::new_with(libraries, LuaOptions::default())?;
        let host = lua.create_table()?;
        let print = |_: &Lua, line: mlua::LuaString| {
            print(&line);
            Ok(())
        };
        host.raw_set("print", lua.create_function(print)?)?;
        kube::add_to(&host, &lua)?;
        let clock = Rc::new(Clock {
            deadline: Cell::new(Instant::now() + limits.time),
            has_struck: Cell::new(false),
            was_read: Cell::new(false),
        });
        let read = Rc::clone(&clock);
        let mark = move |_: &Lua, ()| {
            read.was_read.set(true);
            Ok(())
        };
        host.raw_set("mark_clock_read", lua.create_function(mark)?)?;
        let new_world: Function = lua
            .load(include_str!("sandbox.lua"))
            .set_name("=sandbox")
            .set_mode(ChunkMode::Text)
            .call(host)?;
        let triggers = HookTriggers::new().every_nth_instruction(CLOCK_INSTRUCTIONS);
        let hooked = Rc::clone(&clock);
        lua.set_hook(triggers, move |_, _| {
            if Instant::now() < hooked.deadline.get() {
                return Ok(VmState::Continue);
            }
            hooked.has_struck.set(true);
            Err(Error::RuntimeError("out of time".to_owned()))
        })?;
        lua.set_memory_limit(limits.memory_bytes)?;
        let next_world = Cell::new(Some(new_world.call(())?));
        Ok(Self { lua, limits, new_world, next_world, scripts: BTreeMap::new(), clock })
    }

    /// Whether the machine has compiled this script.
    pub(super) fn has(&self, script: &str) -> bool {
        self.scripts.contains_key(script)
    }

    /// Compiles a script and keeps it under this name.
    pub(super) fn compile(&mut self, script: &str, text: &str) -> Result<(), Cause> {
        let function = self.compiled(text)?;
        self.scripts.insert(script.to_owned(), function);
        Ok(())
    }

    /// Whether a text is Lua, and defines the function once it has run.
    pub(super) fn check(&self, text: &str, function: &str) -> Result<(), Cause> {
        self.defined(&self.compiled(text)?, function, 0).map(|_| ())
    }

    /// Runs a compiled script in a world of its own and calls its function.
    pub(super) fn call(
        &self,
        script: &str,
        function: &str,
        n_results: usize,
        now: i64,
        arguments: &[Value],
    ) -> Reply {
        let script = self.scripts.get(script).expect("the worker compiles before it calls");
        let function = self.defined(script, function, now)?;
        let arguments = self.taken(arguments).map_err(|error| self.cause(error))?;
        let results = function.call::<MultiValue>(arguments);
        if self.clock.has_struck.get() {
            return Err(self.out_of_time());
        }
        let mut results = results.map_err(|error| self.cause(error))?;
        results.resize(n_results, LuaValue::Nil);
        let results: Result<Vec<Value>, String> = results.iter().map(from_lua).collect();
        results.map_err(|why| Cause::Answer(told(&why)))
    }

    /// The arguments in Lua. A message is bounded and so is what it becomes; where no allocation can
    /// fail, each value need not be made in a protected call of its own, which takes most of the time.
    fn taken(&self, arguments: &[Value]) -> mlua::Result<MultiValue> {
        self.lua.set_memory_limit(0)?;
        let taken = arguments.iter().map(|argument| to_lua(&self.lua, argument)).collect();
        self.lua.set_memory_limit(self.limits.memory_bytes)?;
        taken
    }

    /// Whether the last call asked for the time.
    pub(super) fn read_clock(&self) -> bool {
        self.clock.was_read.get()
    }

    /// Gets ready for the next call while nobody waits: collects what the last one left, if it is
    /// much, and makes a new world.
    pub(super) fn tidy(&self) -> mlua::Result<()> {
        if self.lua.used_memory() > GARBAGE_BYTES_MAX {
            self.lua.gc_collect()?;
        }
        self.next_world.set(Some(self.new_world.call(())?));
        Ok(())
    }

    fn compiled(&self, text: &str) -> Result<Function, Cause> {
        // Precompiled code is not looked at by Lua before it runs, so only text is taken.
        self.lua
            .load(text)
            .set_name("=script")
            .set_mode(ChunkMode::Text)
            .into_function()
            .map_err(|error| self.cause(error))
    }

    /// Starts the clock, runs the script, and finds the function that it defines.
    fn defined(&self, script: &Function, function: &str, now: i64) -> Result<Function, Cause> {
        self.clock.deadline.set(Instant::now() + self.limits.time);
        self.clock.has_struck.set(false);
        self.clock.was_read.set(false);
        let found = self.run(script, function, now);
        if self.clock.has_struck.get() {
            return Err(self.out_of_time());
        }
        match found.map_err(|error| self.cause(error))? {
            LuaValue::Function(found) => Ok(found),
            _ => Err(Cause::NoFunction(function.to_owned())),
        }
    }

    fn run(&self, script: &Function, function: &str, now: i64) -> mlua::Result<LuaValue> {
        let (world, begin) = match self.next_world.take() {
            Some(made) => made,
            None => self.new_world.call(())?,
        };
        begin.call::<()>(now)?;
        script.set_environment(world.clone())?;
        script.call::<()>(())?;
        world.raw_get(function)
    }

    fn out_of_time(&self) -> Cause {
        Cause::Time(self.limits.time.as_millis() as u64)
    }

    fn cause(&self, error: Error) -> Cause {
        match error {
            Error::SyntaxError { message, .. } => {
                let (line, message) = place(&message);
                Cause::Syntax { line, message: told(message) }
            }
            Error::MemoryError(_) => Cause::Memory(self.limits.memory_bytes as u64),
            Error::CallbackError { cause, .. } => self.cause((*cause).clone()),
            Error::RuntimeError(message) => {
                Cause::Raised(told(without_address(without_traceback(&message))))
            }
            other => Cause::Raised(told(&other.to_string())),
        }
    }
}

/// A line of a script for a person who tries it; the parent decides whether anybody sees it.
fn print(line: &mlua::LuaString) {
    let line = line.to_string_lossy().replace(|c: char| c.is_control() && c != '\t', " ");
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Takes the place off a message of Lua's compiler: `script:3: …`.
fn place(message: &str) -> (u32, &str) {
    let rest = message.strip_prefix("script:").and_then(|rest| rest.split_once(": "));
    match rest.and_then(|(line, rest)| Some((line.parse().ok()?, rest))) {
        Some(placed) => placed,
        None => (0, message),
    }
}

fn without_traceback(message: &str) -> &str {
    message.split_once("\nstack traceback:").map_or(message, |(message, _)| message)
}

/// What is said of an error value that is no text: where it lay in memory differs from call to call.
fn without_address(message: &str) -> &str {
    match message.split_once(": 0x") {
        Some((kind @ ("table" | "function" | "userdata" | "thread"), at))
            if at.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            kind
        }
        _ => message,
    }
}
