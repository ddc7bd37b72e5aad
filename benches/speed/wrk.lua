-- Asks for one path with many people's cookies in turn; the last line is JSON.
local requests, at = {}, 0

function init(arguments)
  for number = 2, math.max(#arguments, 2) do
    local headers = { ["Accept-Language"] = "en", ["Cookie"] = arguments[number] }
    requests[#requests + 1] = wrk.format("GET", arguments[1], headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "microseconds": %d, "turned_away": %d, "p50": %d, "p99": %d, "lost": %d}',
    summary.requests, summary.duration, errors.status, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout))
end
