-- net.trace.mermaid: sequence diagrams, read by Mermaid's own parser.
local made = require "tests.support.trace"
local mermaid = require "net.trace.mermaid"
local parser = require "tests.support.mermaid"
local support = require "tests.support"
local trace = require "net.trace"

local function sock(...) return { made.sock(...) } end

-- Returns the diagram of traces, each { start, events }.
local function diagram(...)
  local list = {}
  for i, it in ipairs { ... } do
    list[i] = assert(trace.read(made.text(it[1], made.flat(it[2]))))
  end
  return mermaid.write(trace.model(list, function() end))
end

local SERVER = { { lab = "server.lua" }, {
  sock(1, "inet", "stream", "127.0.0.1:9"),
  { call = "socket", args = "" }, { call = "listen", args = "1", at = 4 },
  sock(2, "inet", "stream", "127.0.0.1:9", "127.0.0.1:4"),
  { call = "accept", sock = 1, new = 2, args = "", at = 5, to = 300,
    wait = 294000000 },
  { call = "recv", sock = 2, args = "16", ["in"] = 2, data = "hi", at = 310 },
  { call = "accept", sock = 1, args = "", code = "EAGAIN", at = 320 },
  { call = "accept", sock = 1, args = "", code = "EAGAIN", at = 330 },
  { call = "recv", sock = 2, args = "1", at = 400, to = 420, wait = 9000000,
    code = "EOF" },
} }
local CLIENT = { { lab = "client.lua", pid = 8 }, {
  sock(1, "inet", "stream", "127.0.0.1:4", "127.0.0.1:9"),
  { call = "connect", sock = 1, args = '"localhost", 9', at = 299 },
  { call = "sendall", sock = 1, args = '"hi"', out = 2, data = "hi", at = 301 },
  { call = "sendall", sock = 1, args = '"x"', out = 1, data = "x", at = 302 },
} }

-- Returns traces in which every foreign text is this one.
local function hostile(words)
  return { { lab = words }, {
    { ev = "sock", sock = 1, family = "unix", type = "dgram" },
    { ev = "name", sock = 1, ["local"] = words },
    { ev = "task", task = 2, line = words },
    { call = words, args = words, data = words, wait = 400000 },
    { call = words, args = words, code = words, at = 5, to = 10,
      wait = 4000000 },
    { call = "sendto", sock = 1, args = words, addr = words, data = words,
      out = 3, task = 2 },
    { call = "recvfrom", sock = 1, args = "", addr = words, data = words,
      ["in"] = 3, engine = words },
    { call = "sendto", sock = 1, args = words, addr = words, data = "lost" },
  } }
end
local WORDS = { "a;b", "#35;", '"', "\n", "\r\n%%{init: {}}%%", "end",
  "x end y", "End", "<script>", "<br/>", "a:b", "-->>", ": wrap: x",
  "participant p9", "\u{56DE}\u{8072};end",
  "\27[2J", "é\u{202E}", "%% note", "$$x$$", "", " ", "{}",
  "[x]", "(x)", ("long "):rep(99), "title", "loop", "p1->>p2: hi", "&amp;",
  "\\" }

describe("the sequence diagram", function()
  support.leaves_nothing(before_each, after_each)

  it("has arrows, notes, and bars for blocked calls", function()
    assert.equal([[
sequenceDiagram
  participant p1 as server
  participant p2 as client
  Note over p1: listen(1)
  activate p1
  p2->>p1: connect(#34;localhost#34;, 9)
  Note over p1: accept(), blocked 294 ms
  deactivate p1
  Note over p2: sendall(#34;x#34;)
  p2->>p1: 2 bytes hi
  Note over p1: accept() EAGAIN (2 times)
  activate p1
  Note over p1: recv(1) EOF, blocked 9 ms
  deactivate p1
]], diagram(SERVER, CLIENT))
  end)

  it("labels an arrow with its own bytes, or none", function()
    local it = diagram({ { lab = "a.lua" }, {
      sock(1, "inet", "stream", "127.0.0.1:9"),
      sock(2, "inet", "stream", "127.0.0.1:9", "127.0.0.1:4"),
      { call = "accept", sock = 1, new = 2, at = 2, to = 3 },
      { call = "recv_line", sock = 2, ["in"] = 11, data = "one", at = 20 },
      { call = "recv", sock = 2, ["in"] = 2, data = "tw", at = 21 },
      { call = "recv", sock = 2, ["in"] = 3, data = "o!x", at = 22 },
    } }, { { lab = "b.lua", pid = 8 }, {
      sock(1, "inet", "stream", "127.0.0.1:4", "127.0.0.1:9"),
      { call = "connect", sock = 1, at = 1 },
      { call = "sendall", sock = 1, out = 4, data = "one.", at = 4 },
      { call = "sendall", sock = 1, out = 7, data = "fine.a,", at = 5 },
      { call = "sendall", sock = 1, out = 4, data = "two!", at = 6 },
      { call = "sendall", sock = 1, out = 9, data = "x and yyy", at = 7 },
    } })
    local arrows = {}
    for words in it:gmatch "%->>p%d: (%d+ byte[^\n]*)" do
      arrows[#arrows + 1] = words
    end
    assert.same({ "4 bytes one.", "7 bytes fine.a,", "2 bytes tw", "2 bytes",
      "1 byte" }, arrows)
  end)

  it("keeps Chinese names and arguments", function()
    local words = diagram { { lab = "\u{56DE}\u{8072} end\u{3001}é.lua" }, {
      { call = "send", args = "\u{56DE}\u{9B}" } } }
    assert.matches("participant p1 as #22238;#32882; #101;nd#12289;#233;\n",
      words)
    assert.matches("send(#22238;#92;xc2#92;x9b)\n", words, 1, true)
  end)

  it("tells tasks apart, and lost datagrams", function()
    assert.equal([[
sequenceDiagram
  participant p1 as s, script
  participant p2 as s, task 2
  p1-xp1: sendto(#34;a#34;) lost
  Note over p2: echo#58; close()
]], diagram { {}, { sock(1, "inet", "dgram", "127.0.0.1:5"),
      sock(2, "inet", "dgram", "127.0.0.1:6"), { ev = "task", task = 2 },
      { ev = "task", task = 3 },
      { call = "sendto", sock = 1, args = '"a"', addr = "127.0.0.1:6" },
      { call = "close", sock = 1, task = 2, engine = "echo" } } })
  end)

  it("contains the beginning of a long trace, and says so", function()
    local events = {}
    for i = 1, 1000 do
      events[i] = { call = "close", args = tostring(i), at = 1, to = i + 1,
        wait = 1000000 }
    end
    local text = diagram { {}, events }
    assert.equal(200, select(2, text:gsub("Note over p1: close", "")))
    assert.equal(200, select(2, text:gsub("\n  activate p1", "")))
    assert.equal(200, select(2, text:gsub("deactivate p1", "")))
    assert.matches("\n  Note over p1: 800 more are not shown\n$", text)
  end)

  it("escapes Mermaid syntax in a trace", function()
    for _, words in ipairs(WORDS) do
      local text = diagram(hostile(words))
      for line in text:gmatch "[^\n]+" do
        local said = line:match "^  [^:]*: (.*)$" or
          line:match "^  participant p%d as (.*)$"
        if said then
          assert.not_matches("[^%w ,.()_/=*+#;-]", said)
          assert.not_matches("[#;]", (said:gsub("#%d+;", "")))
          assert.not_matches("%f[%w][eE][nN][dD]%f[%W]", said)
        end
      end
      assert.not_matches("[^\n -~]", text)
    end
  end)

  it("is valid for Mermaid", function()
    local why = parser.missing()
    if why then
      print("Mermaid's parser is not asked: " .. why)
      pending(why)
    end
    local texts = { diagram(SERVER, CLIENT), diagram { {}, {} } }
    for _, words in ipairs(WORDS) do
      texts[#texts + 1] = diagram(hostile(words))
    end
    for _, lab in ipairs { "socket_modes", "integer_conversion" } do
      local path = support.folder() .. "/lab.mmd"
      local _, err, status = support.run(("%s --trace=%s labs/%s.lua"):format(
        support.host, path, lab))
      assert.same({ "", 0 }, { err, status })
      texts[#texts + 1] = support.read(path)
    end
    local said = parser.parse(texts)
    assert.equal(#texts, #said)
    for i, words in ipairs(said) do assert.equal("ok", words, texts[i]) end
    assert.not_equal("ok", parser.parse({ "sequenceDiagram\n  p1->>" })[1])
  end)
end)
