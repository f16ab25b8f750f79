-- The health of a RestAPI for Argo CD. Healthy only while the newest generation is served.
local health = { status = "Progressing", message = "waiting for core-reconciler" }

if obj.metadata.deletionTimestamp ~= nil then
  health.message = "being deleted"
  return health
end

local status = obj.status
if status == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local function condition(kind)
  for _, one in ipairs(status.conditions or {}) do
    -- A condition that speaks of an older generation says nothing of this one.
    if one.type == kind and one.observedGeneration == obj.metadata.generation then
      return one
    end
  end
  return nil
end

local ready, stalled = condition("Ready"), condition("Stalled")
if ready == nil then
  return health
end

health.message = ready.message
if ready.status == "True" then
  health.status = "Healthy"
elseif stalled ~= nil and stalled.status == "True" then
  health.status = "Degraded"
elseif ready.reason == "Paused" then
  health.status = "Suspended"
end
return health
