-- The page of a trace, as text and in a browser.
local page = require "net.trace.html"
local browser = require "tests.support.browser"
local json = require "net.json"
local made = require "tests.support.trace"
local support = require "tests.support"

local HOSTILE = "</script><img src=x onerror='window.hit=1'>\"\27[31m\u{202E}"
local SERVER = "local net = require 'net'\nserve()\n\tpoll()\n"

-- Adds to each call the fields that all calls have.
local function model_of(calls)
  for _, call in ipairs(calls) do
    call.kind = made.kinds[call.call]
    call.sys, call.wait = call.sys or 1, call.wait or 0
    call.waits = call.wait > 0 and 1 or 0
    call.own = tonumber((call.line or ""):match ":(%d+)$")
  end
  return {
    version = 1, seconds = 0.5, wall = 1764036632.5,
    processes = {
      { pid = 7, host = "lab", lab = "s.lua", args = { "--port", "9900" },
        name = "s", source = SERVER, at = 0, stop = 0.5 },
      { pid = 8, host = "lab", lab = "c.lua", args = { HOSTILE },
        name = "c" .. HOSTILE, source = HOSTILE, at = 0, cut = true },
    },
    lanes = {
      { process = 1, task = 1, name = "script", from = 0, to = 0.5 },
      { process = 2, task = 1, name = "script", from = 0, to = 0.5 },
    },
    socks = { { process = 1, id = 1, fd = 11, family = "inet",
                type = "stream", name = "tcp 127.0.0.1:9900" } },
    calls = calls,
  }
end

-- A server that blocks and then polls, and a client; an engine call that
-- contains others; a lost datagram.
local function sample()
  local model = model_of {
    { lane = 1, call = "socket", from = 1e-6, to = 3e-6, new = 1,
      line = "s.lua:2" },
    { lane = 1, call = "accept", from = 1e-5, to = 0.3, wait = 0.29, sock = 1,
      sys = 2, line = "s.lua:2", result = "socket 2" },
    { lane = 2, call = "connect", from = 0.2999, to = 0.2999 + 2e-5,
      args = '"localhost", 9900' },
    { lane = 2, call = "sendall", from = 0.3002, to = 0.3002 + 1e-5,
      args = HOSTILE, data = HOSTILE, out = 5, line = "c.lua:1" },
    { lane = 1, call = "recv", from = 0.3001, to = 0.3003, wait = 1e-4,
      ["in"] = 5, data = "hello", line = "s.lua:2" },
    { lane = 1, call = "accept", from = 0.31, to = 0.31 + 1e-5,
      code = "EAGAIN", error = "accept: not yet (EAGAIN)", line = "s.lua:3" },
    { lane = 2, call = "connect", from = 0.32, to = 0.32 + 3e-5,
      code = "ECONNREFUSED", failed = true,
      error = "connect: refused (ECONNREFUSED)",
      hint = "nobody listens there" },
    { lane = 2, call = "sendto", from = 0.33, to = 0.33 + 1e-5, out = 3 },
    { lane = 1, call = "echo", from = 0.4, to = 0.5, wait = 0.1, open = true },
    { lane = 1, call = "recv", from = 0.41, to = 0.42, engine = "echo",
      code = "EOF" },
  }
  model.arrows = {
    { from = 3, to = 2, kind = "connect" },
    { from = 4, to = 5, kind = "bytes", bytes = 5 },
  }
  model.lost = { 8 }
  model.counts = {
    { lane = 1, call = "accept", calls = 2, sys = 3, ["in"] = 0, out = 0,
      wait = 0.29, errors = 1 },
    { lane = 2, call = "sendall", calls = 1, sys = 1, ["in"] = 0, out = 5,
      wait = 0, errors = 0 },
  }
  model.lines = { { process = 1, line = 2, calls = 3, wait = 0.2901 },
                  { process = 1, line = 3, calls = 1, wait = 0 },
                  { process = 2, line = 1, calls = 1, wait = 0 } }
  return model
end

-- A client that sends `n` messages, and a server that receives them.
local function long_run(n)
  local calls, arrows = {}, {}
  for i = 1, n do
    local at = i * 4e-5
    calls[2 * i - 1] = { lane = 2, call = "sendall", from = at, to = at + 4e-6,
                         out = 64 }
    calls[2 * i] = { lane = 1, call = "recv", from = at, to = at + 2e-5,
                     wait = 1e-5, ["in"] = 64 }
    arrows[i] = { from = 2 * i - 1, to = 2 * i, kind = "bytes", bytes = 64 }
  end
  local model = model_of(calls)
  model.arrows = arrows
  return model
end

describe("the page of a trace", function()
  local text = page.write(sample())

  it("needs no other file, and contains no address", function()
    assert.is_nil(text:find "https?:")
    assert.is_nil(text:find "<link")
    assert.is_nil(text:find "url%([^#]")
    assert.is_true(#text < 100000)
  end)

  it("allows only its own script and style", function()
    local nonce = text:match "script%-src 'nonce%-(%x+)'"
    assert.matches("default%-src 'none'", text)
    assert.equal(32, #nonce)
    assert.not_equal(nonce, page.write(sample()):match "nonce%-(%x+)")
    for element in text:gmatch "<s[ct][ry][^>]*>" do
      assert.is_truthy(element:find(nonce, 1, true) or
        element:find "application/json")
    end
  end)

  it("contains the model so that no text in it ends the script", function()
    local data = text:match '<script type="application/json"[^>]*>(.-)</script>'
    assert.is_nil(data:find "<")
    local told = json.decode(data)
    assert.same(sample().processes, told.processes)
    assert.same({ cells = { 0, 0, 0, 1, 2, 0, 0, 0, 0, 0 },
      words = { HOSTILE, "hello" } }, told.calls.data)
    assert.same({ cells = { 0, 5 }, words = {} }, told.arrows.bytes)
    assert.is_nil(told.calls.addr) -- of no call
    assert.equal(2, select(2, text:gsub("</script", "")))
    assert.is_nil(text:find("\27", 1, true))
  end)

  it("of an empty trace is a page, too", function()
    assert.matches("<title>netlab: </title>", page.write { seconds = 0 })
  end)
end)

if not support.hosted then return end -- the page is the same

describe("the page in a browser", function()
  local why = browser.missing()
  if why then
    pending("is not opened: " .. why)
    return
  end
  local web

  local function open(model)
    web:visit(support.write(support.folder() .. "/run.html",
      page.write(model)))
  end

  local function count(selector)
    return web:run(("return document.querySelectorAll(%q).length")
      :format(selector))
  end

  -- The page follows the mouse a little later.
  local function told(pattern, plain)
    support.eventually(function()
      return web:run("return document.getElementById('detail').innerText")
        :find(pattern, 1, plain)
    end)
  end

  local function becomes(number, selector)
    support.eventually(function() return count(selector) == number end)
  end

  local function focused()
    return web:run "return document.activeElement.id"
  end

  -- Zoom and pan are drawn before the next frame.
  local function bar_width(id)
    return web:run(([[return document.querySelector("#%s .body")
      .getBoundingClientRect().width]]):format(id))
  end

  setup(function() web = browser.open(1280, 900) end)

  teardown(function()
    web:close()
    support.clean()
  end)

  it("has bars for calls, arrows for messages, the source and the counts",
    function()
      open(sample())
      assert.equal(10, count ".bar")
      assert.equal(2, count ".band")
      assert.equal(1, count ".arrow.connect")
      assert.equal(1, count ".arrow.bytes")
      assert.equal(1, count ".lost")
      assert.equal(1, count ".tick")
      assert.equal(1, count ".bar.failed")
      assert.equal(1, count ".bar.unended")
      assert.equal(3, count "#source0 tbody tr")
      assert.equal(3, count "tr.called")
      assert.equal(2, count "#counts tbody tr")
      assert.matches("blocked in kernel 290 ms", web:run
        "return document.querySelector('#c1').textContent")
      assert.matches("23×290 msserve%(%)", web:run
        "return document.querySelector('#source0').textContent")
    end)

  it("shows the call under the mouse, its arrows and its line", function()
    open(sample())
    web:hover "#c1 .body"
    told("accept%(%).*tcp 127.0.0.1:9900.*socket 2")
    told("290 ms, blocked in kernel")
    assert.equal(1, count ".arrow.connect.on")
    assert.equal(0, count ".arrow.bytes.on")
    assert.equal(1, count "#source0 tr.on")
    web:hover "#c6 .body"
    told("connect: refused.*nobody listens there")
    assert.equal(1, count "#c6.failed")
    assert.equal(0, count ".poll.failed")
    assert.equal(0, count "#c9.failed") -- the end of a stream is no error
    web:hover "#source0 tbody tr:nth-child(2)"
    becomes(3, ".bar.on")
  end)

  it("can be used from the keyboard", function()
    local TAB, ENTER, ESCAPE = "\u{E004}", "\u{E007}", "\u{E00C}"
    local RIGHT, DOWN, UP = "\u{E014}", "\u{E015}", "\u{E013}"
    open(sample())
    for _ = 1, 5 do web:press(TAB) end
    assert.equal("c0", focused())
    web:press(RIGHT)
    assert.equal("c1", focused())
    told("accept")
    web:press(ENTER)
    assert.equal("true", web:run
      "return document.activeElement.getAttribute('aria-pressed')")
    web:hover "#c6 .body"
    told("accept")
    web:press(ESCAPE)
    web:press(DOWN)
    assert.equal("c9", focused())
    web:press(DOWN)
    assert.equal("c7", focused())
    web:press(UP)
    local before = bar_width "c9"
    web:press "+"
    support.eventually(function() return bar_width(focused()) ~= before end)
    web:press "0"
    support.eventually(function() return bar_width "c9" == before end)
  end)

  it("zooms with the wheel, and moves when dragged", function()
    open(sample())
    local before = bar_width "c8"
    web:run [[
      const box = document.getElementById("drawing").getBoundingClientRect();
      document.querySelector("#c8 .body").dispatchEvent(new WheelEvent("wheel",
        { ctrlKey: true, deltaY: -100, clientX: box.right - 20,
          bubbles: true, cancelable: true }))]]
    support.eventually(function() return bar_width "c8" > before end)
    local function left()
      return web:run [[return document.querySelector("#c7 .body")
        .getBoundingClientRect().x]]
    end
    local from = left()
    web:mouse({ type = "pointerMove", duration = 0, x = 300, y = 250 },
      { type = "pointerDown", button = 0 },
      { type = "pointerMove", duration = 0, x = 350, y = 250 },
      { type = "pointerUp", button = 0 })
    support.eventually(function() return math.abs(left() - from - 50) < 2 end)
  end)

  it("shows no source that changed since the run", function()
    local model = sample()
    model.processes[1].source, model.processes[1].changed = nil, true
    open(model)
    assert.equal("The source has changed since this run: " ..
      model.processes[1].lab,
      web:run "return document.querySelector('#source0').textContent")
  end)

  it("draws to scale if asked", function()
    open(sample())
    local even = bar_width "c8"
    web:run "document.getElementById('scale').click()"
    support.eventually(function() return bar_width "c8" ~= even end)
    local ratio = bar_width "c8" / bar_width "c1"
    assert.is_true(math.abs(ratio - 1 / 3) < 0.02, "ratio " .. ratio)
  end)

  it("shows a stranger's text as text", function()
    open(sample())
    web:hover "#c3 .body"
    local seen = "</script><img src=x onerror='window.hit=1'>\"\\u001b[31m"
    told(seen, true)
    assert.is_truthy(web:run(
      "return document.querySelector('#source1').textContent")
      :find(seen .. "\\u202e", 1, true))
    assert.equal(0, count "img")
    assert.is_nil(web:run "return window.hit")
  end)

  it("draws 10,000 messages, and tells what it left out", function()
    open(long_run(10000))
    assert.is_true(count ".bar" < 2000)
    assert.matches("At this zoom: %d+ calls merged with a neighbour, " ..
      "%d+ arrows not drawn", web:run
      "return document.getElementById('leftout').textContent")
  end)

  it("fits 400 pixels", function()
    web:ask("POST", web.session .. "/window/rect",
      { width = 400, height = 900 })
    open(sample())
    local wide = web:run [[return [innerWidth,
      document.documentElement.scrollWidth]
    ]]
    assert.is_true(wide[2] <= wide[1], json.encode(wide))
    assert.equal(10, count ".bar")
  end)

  it("writes nothing to the console and uses no network", function()
    local pages = 0
    assert.same({}, web:log "browser")
    for _, entry in ipairs(web:log "performance") do
      local message = json.decode(entry.message).message
      if message.method == "Network.requestWillBeSent" and
        message.params.documentURL:find "^file:" then
        pages = pages + 1
        assert.matches("^file:", message.params.request.url)
      end
    end
    assert.equal(9, pages)
  end)

  it("does not run an injected script", function()
    open(sample())
    assert.is_nil(web:run [[
      const script = document.createElement("script");
      script.textContent = "window.hit = 1";
      document.body.append(script);
      return window.hit]])
    assert.matches("Content Security Policy", web:log "browser"[1].message)
  end)
end)
