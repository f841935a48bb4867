-- SPDX-License-Identifier: MIT
--
-- A headless browser, driven by the W3C WebDriver protocol: JSON over HTTP to
-- chromedriver, which belongs to Chromium.

local json = require "net.json"
local net = require "net"
local support = require "tests.support"

local browser = {}
browser.__index = browser

local ARGS = { "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
  "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync" }

--- Returns why there is no browser, or nil.
function browser.missing()
  return support.lacks("chromium", "chromedriver")
end

--- Makes a request. Returns the "value" of its answer.
function browser:ask(method, path, body)
  local sock <close> = assert(net.connect("127.0.0.1", self.port))
  local text = body and json.encode(body) or ""
  sock:settimeout(60)
  assert(sock:sendall(("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" ..
    "Content-Type: application/json\r\nContent-Length: %d\r\n" ..
    "Connection: close\r\n\r\n%s"):format(method, path, self.port, #text,
    text)))
  local size
  for line in sock:lines() do
    size = tonumber(line:lower():match "^content%-length: *(%d+)") or size
    if line == "" then break end
  end
  local value = assert(json.decode(assert(sock:recv_exact(size)))).value
  if type(value) == "table" and value.error then
    error(("%s: %s"):format(path, value.message), 2)
  end
  return value
end

--- Opens a browser that logs its console and its network.
function browser.open(width, height)
  local port = support.free_port()
  local self = setmetatable({ port = port }, browser)
  self.driver = support.start("chromedriver --port=" .. port)
  self.driver:expect "started successfully"
  local args = { "--user-data-dir=" .. support.folder(),
                 ("--window-size=%d,%d"):format(width, height) }
  table.move(ARGS, 1, #ARGS, #args + 1, args)
  self.session = "/session/" .. self:ask("POST", "/session", {
    capabilities = { alwaysMatch = {
      ["goog:chromeOptions"] = { args = args },
      ["goog:loggingPrefs"] = { browser = "ALL", performance = "ALL" },
    } },
  }).sessionId
  return self
end

function browser:visit(path)
  self:ask("POST", self.session .. "/url", { url = "file://" .. path })
end

--- Runs JavaScript in the page, and returns its result.
function browser:run(text)
  return self:ask("POST", self.session .. "/execute/sync",
    { script = text, args = { 0 } })
end

--- Moves the mouse, by WebDriver's pointer actions.
function browser:mouse(...)
  self:ask("POST", self.session .. "/actions", { actions = { {
    type = "pointer", id = "mouse", parameters = { pointerType = "mouse" },
    actions = { ... },
  } } })
end

--- Moves the mouse to the middle of an element, by its CSS selector.
function browser:hover(selector)
  local at = self:run(([[
    const element = document.querySelector(%q);
    element.scrollIntoView({ block: "nearest" });
    const box = element.getBoundingClientRect();
    return { x: Math.round(box.x + box.width / 2),
             y: Math.round(box.y + box.height / 2) }]]):format(selector))
  self:mouse { type = "pointerMove", duration = 0, x = at.x, y = at.y }
end

--- Presses and releases a key. WebDriver has characters for Tab and others.
function browser:press(key)
  self:ask("POST", self.session .. "/actions", { actions = { {
    type = "key", id = "keys",
    actions = { { type = "keyDown", value = key },
                { type = "keyUp", value = key } },
  } } })
end

--- Returns the new entries of a log: "browser" or "performance".
function browser:log(kind)
  return self:ask("POST", self.session .. "/se/log", { type = kind })
end

function browser:close()
  self:ask("DELETE", self.session)
  self.driver:stop()
end

return browser
