-- SPDX-License-Identifier: MIT
--
-- net.hints: what an error's code means and what to try, in a line. `netlab`
-- prints it below a network error that ends a task.

local hints = {}

-- For each code, English and Traditional Chinese; at most 90 columns.
local lines = {
  EACCES = {
    "not permitted: ports below 1024 need root, broadcast SO_BROADCAST, a " ..
      "path its permissions",
    "沒有權限：小於 1024 的埠要 root，廣播要 SO_BROADCAST，路徑要有存取權限",
  },
  EADDRINUSE = {
    "in use (ss -ltunp shows by whom) or in TIME_WAIT: take another port, " ..
      "or set SO_REUSEADDR",
    "位址被占用（ss -ltunp 看是誰）或在 TIME_WAIT：換一個埠，或設 SO_REUSEADDR",
  },
  EADDRNOTAVAIL = {
    "this machine does not have that address (ip addr lists the ones it " ..
      "has): try localhost or \"\"",
    "本機沒有這個位址（ip addr 列出本機的位址）：試試 localhost 或 \"\"",
  },
  EAGAIN = {
    "not ready yet, and this socket does not wait: use " ..
      "settimeout(seconds), or try again later",
    "現在還沒有，而這個 socket 不等待：用 settimeout(秒)，或稍後再試",
  },
  EAI_ADDRFAMILY = {
    "the address is of the other family: net.socket(\"inet6\") is for " ..
      "IPv6, \"inet\" for IPv4",
    "位址和這個 socket 的家族不同：IPv6 用 net.socket(\"inet6\")，IPv4 用 \"inet\"",
  },
  EAI_AGAIN = {
    "no name server answers: is this machine online? 127.0.0.1 and " ..
      "localhost work without one",
    "名稱伺服器沒有回應：這台機器連上網了嗎？127.0.0.1 和 localhost 不需要它",
  },
  EAI_NONAME = {
    "no such host: is the name spelled correctly? `getent hosts NAME` asks " ..
      "the same resolver",
    "沒有這個主機名稱：拼對了嗎？getent hosts NAME 會問同一個解析器",
  },
  EBADF = {
    "the socket is closed: by close(), at the end of its <close> block, or " ..
      "by another task",
    "socket 已關閉：因為 close()、離開 <close> 的區塊，或另一個 task 關了它",
  },
  EBUSY = {
    "another task or an echo engine uses this socket: one reader and one " ..
      "writer at a time",
    "另一個 task 或 echo 引擎正用這個 socket：同時只能一個讀、一個寫",
  },
  ECONNREFUSED = {
    "nobody listens there: is the server running, on that host and port? " ..
      "(run ss -ltun there)",
    "那裡沒有程式在聽：伺服器啟動了嗎？主機和埠對嗎？（在那台機器：ss -ltun）",
  },
  ECONNRESET = {
    "the peer reset the connection: did it exit or fail? look at what it " ..
      "printed",
    "對方中斷了連線：它結束了，還是出錯了？看看它印出什麼",
  },
  EHOSTUNREACH = {
    "that host cannot be reached: is it on, and does ping get there? " ..
      "a firewall may reject it",
    "到不了那台主機：它開機了嗎？ping 得到嗎？也可能被防火牆拒絕",
  },
  EMFILE = {
    "too many open sockets and files: declare them <close>, or raise the " ..
      "limit (ulimit -n)",
    "開啟的 socket 和檔案太多（上限看 ulimit -n）：用 <close> 關閉，或提高上限",
  },
  EMSGSIZE = {
    "too long: a datagram holds 65507 bytes in IPv4; recv_line and " ..
      "recv_all take a larger max",
    "太長：IPv4 的 datagram 最多 65507 bytes；recv_line 和 recv_all 可給更大的 max",
  },
  ENETUNREACH = {
    "no route to that network: is this machine online (ip route)? " ..
      "try 127.0.0.1",
    "沒有路可到那個網路：這台機器連上網了嗎（ip route）？試試 127.0.0.1",
  },
  ENOTCONN = {
    "this socket has no peer: connect it first, or use the socket that " ..
      "accept returned",
    "這個 socket 沒有對方：先 connect，或用 accept 傳回的那一個",
  },
  EOF = {
    "the peer has closed its side, and all its data is read; no error: " ..
      "test code == \"EOF\"",
    "對方已關閉它那一端，資料也讀完了；這不是錯誤：用 code == \"EOF\" 判斷",
  },
  EPIPE = {
    "this connection can send no more: the peer closed it, or shutdown " ..
      "was called here",
    "這個連線不能再送資料：對方已關閉它，或這裡呼叫過 shutdown",
  },
  ETIMEDOUT = {
    "no answer in time: is the peer up (ping)? is there a firewall? is " ..
      "settimeout too short?",
    "時間內沒有回應：對方開著嗎（ping）？被防火牆擋掉了？settimeout 太短嗎？",
  },
}

-- The locale for messages: locale(7).
local function messages_locale()
  for _, name in ipairs { "LC_ALL", "LC_MESSAGES", "LANG" } do
    local value = os.getenv(name)
    if value and value ~= "" then return value end
  end
  return ""
end

-- Readers of Simplified Chinese read Traditional Chinese more easily than
-- English. A terminal that is not UTF-8 can show neither.
local function is_chinese(locale)
  local charset = (locale:match "%.([%w-]+)" or "UTF-8"):lower():gsub("-", "")
  return (locale .. "_"):match "^zh[_.-]" and charset == "utf8"
end

--- What to try about a network error, as a line without a newline.
---
--- A Chinese locale in UTF-8 gets Traditional Chinese, any other English. By
--- default the locale is the first of LC_ALL, LC_MESSAGES and LANG that is not
--- empty.
---
--- See: locale(7).
---@param code string the third result of a call that failed: "ECONNREFUSED"
---@param locale? string chooses the language: "zh_TW.UTF-8"
---@return string? line nil for a code without a hint
function hints.of(code, locale)
  if type(code) ~= "string" then
    error("bad argument #1 to 'of' (string expected, got " .. type(code) .. ")",
      2)
  end
  if locale ~= nil and type(locale) ~= "string" then
    error("bad argument #2 to 'of' (string expected, got " .. type(locale) ..
      ")", 2)
  end
  local line = lines[code]
  return line and line[is_chinese(locale or messages_locale()) and 2 or 1]
end

return hints
