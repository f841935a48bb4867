-- The lab tcp_states: what it prints, except for round-trip times.
local support = require "tests.support"

local GOLDEN = [[
listen
  client  CLOSE
  server  LISTEN       0 waiting for accept
client: connect
  client  ESTABLISHED  rtt <T>, 0 bytes in, 0 not read
  server  LISTEN       1 waiting for accept
second client: connect
  client  SYN_SENT
  server  LISTEN       1 waiting for accept
server: accept
  client  ESTABLISHED  rtt <T>, 0 bytes in, 0 not read
  server  ESTABLISHED  rtt <T>, 0 bytes in, 0 not read
client: send 5 bytes
  client  ESTABLISHED  rtt <T>, 0 bytes in, 0 not read
  server  ESTABLISHED  rtt <T>, 5 bytes in, 5 not read
server: recv
  client  ESTABLISHED  rtt <T>, 0 bytes in, 0 not read
  server  ESTABLISHED  rtt <T>, 5 bytes in, 0 not read
client: shutdown SHUT_WR
  client  FIN_WAIT2    rtt <T>, 0 bytes in, 0 not read
  server  CLOSE_WAIT   rtt <T>, 6 bytes in, 0 not read
server: send 3 bytes
  client  FIN_WAIT2    rtt <T>, 3 bytes in, 0 not read
  server  CLOSE_WAIT   rtt <T>, 6 bytes in, 0 not read
server: close
  client  TIME_WAIT    rtt <T>, 4 bytes in, 0 not read
  server  CLOSE
client: close
  client  TIME_WAIT
  server  CLOSE

step                       client       server
listen                     CLOSE        LISTEN
client: connect            ESTABLISHED  LISTEN
second client: connect     SYN_SENT     LISTEN
server: accept             ESTABLISHED  ESTABLISHED
client: send 5 bytes       ESTABLISHED  ESTABLISHED
server: recv               ESTABLISHED  ESTABLISHED
client: shutdown SHUT_WR   FIN_WAIT2    CLOSE_WAIT
server: send 3 bytes       FIN_WAIT2    CLOSE_WAIT
server: close              TIME_WAIT    CLOSE
client: close              TIME_WAIT    CLOSE
]]

describe("tcp_states", function()
  support.leaves_nothing(before_each, after_each)

  it("prints the state of both ends after each step", function()
    local out, err, status = support.run(
      support.driver .. " labs/more/tcp_states.lua")
    assert.same({ "", 0 }, { err, status })
    assert.equal(GOLDEN, (out:gsub("rtt [%d.]+ ms, window %d+ segments",
      "rtt <T>")))
  end)
end)
