-- Makes the world that one call sees: what Karmada leaves of Lua 5.1, and the module `kube`.
-- Every call gets tables of its own, so a script cannot leave anything behind for the next one.
-- `host` holds the functions that are not Lua; each returns true and its result, or false and why not.
local host = ...

local assert, error, ipairs, next, pairs, pcall, select, tonumber, type, unpack, xpcall =
  assert, error, ipairs, next, pairs, pcall, select, tonumber, type, unpack, xpcall
local date, time = os.date, os.time
local floor, format, plain_tostring = math.floor, string.format, tostring
local concat = table.concat
local text_methods = getmetatable("")

local TEXT_MAX = 1000000

local function refused(name)
  return function()
    error("`" .. name .. "` is not for customizations", 2)
  end
end

local function bounded(name, original)
  return function(...)
    for position = 1, select("#", ...) do
      local argument = select(position, ...)
      if type(argument) == "string" and #argument > TEXT_MAX then
        error("argument " .. position .. " of `" .. name .. "` is longer than 1000000 bytes", 2)
      end
    end
    return original(...)
  end
end

local function hosted(original)
  return function(...)
    local ok, result = original(...)
    if not ok then
      error(result, 2)
    end
    return result
  end
end

-- Addresses of tables and functions differ from run to run; whole numbers are written out.
local function tostring(...)
  local value = ...
  local kind = type(...)
  if kind == "table" or kind == "function" then
    return kind
  end
  if kind == "number" and value == floor(value) and value < 2 ^ 63 and value > -2 ^ 63 then
    return format("%.0f", value)
  end
  return plain_tostring(value)
end

local function print(...)
  local shown = {}
  for position = 1, select("#", ...) do
    shown[position] = tostring((select(position, ...)))
  end
  host.print(concat(shown, "\t"))
end

-- Equal inputs give equal outputs, so every call draws the same numbers (Park and Miller's).
local function randomness()
  local state = 42
  local function draw()
    state = state * 16807 % 2147483647
    return (state - 1) / 2147483646
  end
  local function random(low, high)
    if low == nil then
      return draw()
    end
    if high == nil then
      low, high = 1, low
    end
    if low > high then
      error("there is no number in this interval", 2)
    end
    return low + floor(draw() * (floor(high) - low + 1))
  end
  local function randomseed(seed)
    state = floor(tonumber(seed) or 0) % 2147483646 + 1
  end
  return random, randomseed
end

local texts = { dump = refused("string.dump"), gsub = refused("string.gsub"), rep = refused("string.rep") }
for _, name in ipairs({
  "byte", "char", "find", "format", "gmatch", "len", "lower", "match", "reverse", "sub", "upper",
}) do
  texts[name] = bounded("string." .. name, string[name])
end
texts.gfind = texts.gmatch

local tables, numbers = table, math

local kube = {}
for _, name in ipairs({
  "accuratePodRequirements", "getPodDependencies", "getResourceQuantity", "resourceAdd",
}) do
  kube[name] = hosted(host[name])
end

local globals = {
  _VERSION = "Lua 5.1",
  assert = assert,
  error = error,
  ipairs = ipairs,
  next = next,
  pairs = pairs,
  pcall = pcall,
  print = print,
  select = select,
  tonumber = tonumber,
  tostring = tostring,
  type = type,
  unpack = unpack,
  xpcall = xpcall,
}
for _, name in ipairs({
  "collectgarbage", "dofile", "getfenv", "getmetatable", "load", "loadfile", "loadstring", "module",
  "newproxy", "rawequal", "rawget", "rawset", "setfenv", "setmetatable",
}) do
  globals[name] = refused(name)
end

local function copy(original)
  local copied = {}
  for key, value in next, original do
    copied[key] = value
  end
  return copied
end

-- Returns a world, and a function that begins its one call, at a time in seconds since 1970.
return function()
  local now = 0
  local world = copy(globals)
  world._G = world
  world.string = copy(texts)
  world.table = copy(tables)
  world.math = copy(numbers)
  world.math.random, world.math.randomseed = randomness()
  world.os = {
    date = function(shape, at)
      host.mark_clock_read()
      return date(shape or "%c", at or now)
    end,
    time = function(fields)
      if fields == nil then
        host.mark_clock_read()
        return now
      end
      return time(fields)
    end,
  }
  world.package = { loaded = { kube = copy(kube) }, loadlib = refused("package.loadlib") }
  local loaded = world.package.loaded
  world.require = function(name)
    if loaded[name] == nil then
      error("there is no module `" .. tostring(name) .. "`, only `kube`", 2)
    end
    return loaded[name]
  end
  local methods = world.string
  return world, function(at)
    now = at
    text_methods.__index = methods
  end
end
