package redistest

// guard stands in front of a script and refuses each command on a key that the
// caller did not declare. A server checks only the slot.
const guard = `
local redis = (function(server)
  local declared = {}
  for _, key in ipairs(KEYS) do declared[key] = true end
  local guarded = setmetatable({}, { __index = server })
  guarded.call = function(command, key, ...)
    if not declared[key] then
      error({ err = 'GUARD ' .. command .. ' on a key that was not declared: ' .. tostring(key) })
    end
    return server.call(command, key, ...)
  end
  return guarded
end)(redis)
`

// Strict is a redisx.RunnerOptions.Rewrite that makes a script fail when it
// touches a key that it was not given.
func Strict(_, source string) string { return guard + source }
