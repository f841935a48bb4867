-- SPDX-License-Identifier: MIT
--
-- Mermaid's own parser, fetched from the npm registry and run by Node. The
-- build folder keeps it.

local support = require "tests.support"

local mermaid = {}

local VERSION = "11.12.0"
local FOLDER = support.build .. "/mermaid-" .. VERSION

-- Takes the file name of each diagram, and prints "ok" or what is wrong.
local PARSE = [[
import { readFileSync } from 'node:fs'
const { default: mermaid } = await import(
  process.cwd() + '/%s/package/dist/mermaid.esm.min.mjs')
for (const path of process.argv.slice(2)) {
  try {
    const { diagramType } = await mermaid.parse(readFileSync(path, 'utf8'))
    console.log(diagramType === 'sequence' ? 'ok' : diagramType)
  } catch (error) {
    console.log(error.message.replaceAll('\n', ' '))
  }
}
]]

-- Its tarball contains all that it needs, unlike its installed package. One
-- spec fetches it for all; after a failure, none tries again for ten minutes.
local FETCH = [[
set -e
mkdir -p %s && cd %s
exec 9>lock && flock 9
[ ! -e package ] || exit 0
[ ! -e npm.log ] || [ -z "$(find npm.log -mmin -10)" ] || exit 1
timeout 100 npm pack --silent --fetch-retries=0 mermaid@%s >npm.log 2>&1
mkdir -p new && tar -C new -xzf mermaid-*.tgz \
  package/dist/mermaid.esm.min.mjs package/dist/chunks/mermaid.esm.min
mv new/package . && rm mermaid-*.tgz
]]

--- Returns why there is no parser, or nil.
function mermaid.missing()
  local why = support.lacks("node", "npm")
  if why then return why end
  if not os.execute(FETCH:format(FOLDER, FOLDER, VERSION)) then
    return "the npm registry does not answer: see " .. FOLDER .. "/npm.log"
  end
end

--- Returns the parser's result for each of these texts: "ok", or what is wrong.
function mermaid.parse(texts)
  local folder, paths, said = support.folder(), {}, {}
  support.write(folder .. "/parse.mjs", PARSE:format(FOLDER))
  for i, text in ipairs(texts) do
    paths[i] = support.write(("%s/%d.mmd"):format(folder, i), text)
  end
  local out, err, status = support.run(("node %s/parse.mjs %s"):format(folder,
    table.concat(paths, " ")), nil, 100)
  assert(status == 0, out .. err)
  for line in out:gmatch "[^\n]+" do said[#said + 1] = line end
  return said
end

return mermaid
