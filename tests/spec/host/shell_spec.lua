-- What a shell offers before netlab runs: --help, the manual page, and the
-- completions of bash and zsh, compared with each other.
local support = require "tests.support"

local PAGE, BASH = "src/man/netlab.1", "src/completion/netlab.bash"
local ZSH = "src/completion/_netlab"

local keys = support.keys

-- Returns the words that a pattern captures, each once, sorted.
local function words(text, pattern)
  local found = {}
  for word in text:gmatch(pattern) do found[word] = true end
  return keys(found)
end

local function help()
  local out, err, status = support.run(support.host .. " --help")
  assert.same({ "", 0 }, { err, status })
  return out
end

-- Returns the options in --help: "-e", "--help" and so on.
local function options()
  return words(help(), "\n  (%-[^%s=]*)[ =]")
end

-- Returns those without the words that only end the options.
local function real_options()
  local list = {}
  for _, word in ipairs(options()) do
    if word:find "%w" then list[#list + 1] = word end
  end
  return list
end

describe("the manual page netlab(1)", function()
  support.leaves_nothing(before_each, after_each)

  it("has the options of --help", function()
    local page, found = support.read(PAGE), {}
    for word in page:gmatch "\n%.It Fl ?(%S*)" do
      found["-" .. word] = true
    end
    assert.same(options(), keys(found))
    for _, line in ipairs(words(help(), "\n  (%-%a %S+) ")) do
      local flag, argument = line:match "^%-(%a) (%S+)$"
      assert.truthy(page:find("\n.It Fl " .. flag .. " Ar " ..
        argument:gsub("=", " Ns = Ns Ar ") .. "\n", 1, true), line)
    end
  end)

  it("has the options of the README", function()
    local program = support.read "README.md":match "\n## The program\n(.-)\n## "
    local found = {}
    for code in program:gmatch "`(%-[^`]*)`" do
      for word in code:gmatch "%S+" do
        if word:find "^%-" then found[word:match "^[^=]*"] = true end
      end
    end
    assert.same(options(), keys(found))
  end)

  it("has the trace formats that the others have", function()
    local _, message = support.run(support.host .. " --trace=x -e 1")
    local expected = words(message, "%.(%a+)")
    assert.equal(4, #expected)
    assert.same(expected, words(support.read(PAGE), "\n%.It Pa %.(%a+)"))
    assert.same(expected, words(help(), "FILE%.(%a+)"))
    assert.same(expected, words(support.read(ZSH):match "%*%.(%b())", "%a+"))
    _, message = require "net.trace".write(nil, {}, "x")
    assert.same(expected, words(message, "%.(%a+)"))
  end)

  it("names only labs that exist", function()
    for _, path in ipairs(words(support.read(PAGE), "labs/[%w_/]+%.lua")) do
      assert.not_equal("", support.read(path), path)
    end
  end)

  it("causes no warning in man or mandoc", function()
    local out, err, status = support.run("env MANWIDTH=80 man --warnings " ..
      "-E ascii -P cat -l " .. PAGE)
    assert.same({ "", 0 }, { err, status })
    assert.matches("NETLAB%(1%)", out)
    out, err, status = support.run("mandoc -Tlint -Wwarning " .. PAGE)
    assert.same({ "", "", 0 }, { out, err, status })
  end)
end)

-- Returns what bash offers for a line, whose last word is unfinished.
local function bash(...)
  local line = {}
  for i, word in ipairs { "netlab", ... } do line[i] = "'" .. word .. "'" end
  local out, err, status = support.run("bash " .. support.write(
    support.folder() .. "/complete.sh", ([[
source %s
COMP_WORDS=(%s) COMP_CWORD=%d
_netlab
[ ${#COMPREPLY[@]} = 0 ] || printf '%%s\n' "${COMPREPLY[@]}"
]]):format(BASH, table.concat(line, " "), #line - 1)))
  assert.same({ "", 0 }, { err, status })
  return words(out, "[^\n]+")
end

describe("completion in bash", function()
  support.leaves_nothing(before_each, after_each)

  it("passes shellcheck, and applies to netlab", function()
    local out, err, status = support.run("shellcheck " .. BASH)
    assert.same({ "", "", 0 }, { out, err, status })
    out = support.run("bash -c 'source " .. BASH .. "; complete -p netlab'")
    assert.equal("complete -o default -F _netlab netlab\n", out)
  end)

  it("offers the options that --help has", function()
    assert.same(options(), bash "-")
    assert.same({ "--list" }, bash "--l")
    assert.same({ "--version" }, bash("-W", "-e", "x = 1", "-l", "net", "--v"))
  end)

  it("offers Lua scripts and folders", function()
    local folder = support.folder()
    support.run("mkdir '" .. folder .. "/a folder'")
    for _, name in ipairs { "a.lua", "a b.lua", "a.txt", "b.lua" } do
      support.write(folder .. "/" .. name, "")
    end
    assert.same({ folder .. "/a b.lua", folder .. "/a folder",
      folder .. "/a.lua" }, bash(folder .. "/a"))
    assert.same({ "labs/tcp_echo_server.lua" }, bash("-W", "labs/tcp_echo_s"))
    assert.same({ "labs/tcp_echo_server.lua" },
      bash("-l", "n", "=", "net", "--", "labs/tcp_echo_s"))
  end)

  it("offers a lab's options after its name", function()
    for _, lab in ipairs { "tcp_echo_server", "udp_echo_client",
      "local_machine_info", "more/echo_load" } do
      local path = "labs/" .. lab .. ".lua"
      local usage = support.run(support.host .. " " .. path .. " --help")
      if not usage:find "^Usage" then usage = "--help" end
      assert.same(words(usage, "%-%-%l+"), bash(path, "--"), lab)
    end
    assert.same({ "--port" }, bash("labs/tcp_echo_server.lua", "--once", "--p"))
  end)

  it("offers two labs after --pair, then the client's options", function()
    local server = "labs/tcp_echo_server.lua"
    local client = "labs/tcp_echo_client.lua"
    assert.same({ server }, bash("--pair", "labs/tcp_echo_s"))
    assert.same({ client }, bash("-W", "--pair", server, "labs/tcp_echo_c"))
    assert.same({}, bash("--pair", server, client, "labs/tcp_echo_c"))
    assert.same({ "--", "--trace" }, bash("--pair", server, client, "--"))
    assert.same({ "--message" }, bash("--pair", server, client, "--", "--m"))
  end)

  it("runs no script, whatever its name", function()
    local folder = support.folder()
    local path = support.write(folder .. "/-$(touch x) `touch x`.lua",
      'os.execute "touch x"\nparser:option "-o --only"\n' ..
      'parser:flag("--$(touch x)") parser:flag("--`touch x`", ":flag")')
    assert.same({ "--help", "--only", "-o" }, bash("--", path, "-"))
    assert.same({}, bash("--", "no such.lua", "-"))
    assert.is_nil(io.open "x")
  end)

  it("leaves files and unknown words to bash", function()
    assert.same({}, bash("-e", ""))
    assert.same({}, bash("-l", "n", "=", ""))
    assert.same({}, bash("labs/tcp_echo_server.lua", "--host", "x"))
    assert.same({}, bash("-", "-"))
  end)
end)

-- Returns what zsh offers after _arguments has found the script.
local function zsh(path, word)
  local out, err, status = support.run("zsh -f " .. support.write(
    support.folder() .. "/complete.zsh", ([[
_arguments() { true; }
compadd() { shift; print -l -- $@; }
_files() { print files; }
source %s
words=('%s' '%s') CURRENT=2
_netlab_argument
]]):format(ZSH, path, word)))
  assert.same({ "", 0 }, { err, status })
  return words(out, "[^\n]+")
end

describe("completion in zsh", function()
  support.leaves_nothing(before_each, after_each)

  it("is valid, and applies to netlab", function()
    local _, err, status = support.run("zsh -n " .. ZSH)
    assert.same({ "", 0 }, { err, status })
    assert.equal("#compdef netlab", support.read(ZSH):match "^[^\n]+")
  end)

  it("offers the options that --help has", function()
    assert.same(real_options(),
      words(support.read(ZSH), "\n  '[^\n%[]-(%-%-?%a+)=?%-?%["))
  end)

  it("offers a lab's options after its name, or files", function()
    local lab = "labs/tcp_echo_server.lua"
    assert.same(bash(lab, "-"), zsh(lab, "-"))
    assert.same({ "files" }, zsh(lab, ""))
    assert.same({ "files" }, zsh("no such.lua", "--"))
  end)
end)
