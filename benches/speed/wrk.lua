-- Asks for one path with many people's cookies in turn; the last line is JSON. `init` is told the path, whether to look at
-- each answer, then the cookies. Looking costs the client time, since every header and body is then made a string of Lua's.
local threads, requests, at = {}, {}, 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init(arguments)
  for number = 3, math.max(#arguments, 3) do
    local headers = { ["Accept-Language"] = "en", ["Cookie"] = arguments[number] }
    requests[#requests + 1] = wrk.format("GET", arguments[1], headers)
  end
  odd, odd_status = 0, 0
  if arguments[2] == "look" then response = look end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- Who is let in is answered 200, who is turned away 503, and nobody anything else.
function look(status)
  if status ~= 200 and status ~= 503 then
    odd, odd_status = odd + 1, status
  end
end

function done(summary, latency)
  local errors, odd, odd_status = summary.errors, 0, 0
  for _, thread in ipairs(threads) do
    odd = odd + thread:get("odd")
    odd_status = math.max(odd_status, thread:get("odd_status"))
  end
  print(string.format(
    '{"requests": %d, "microseconds": %d, "turned_away": %d, "odd": %d, "odd_status": %d, "p50": %d, "p99": %d, "lost": %d}',
    summary.requests, summary.duration, errors.status, odd, odd_status, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout))
end
