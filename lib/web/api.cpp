#include "lib/web/api.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/version.hpp"
#include "lib/night/newer_schema.hpp"
#include "lib/night/status.hpp"
#include "lib/web/night_address.hpp"
#include "lib/web/night_grid.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::web {
namespace {

using nlohmann::json;

Response json_answer(const json& document, int status = 200) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = json_text(document) + '\n';
  return response;
}

/// Whether the state can be read: what a supervisor asks.
json health(const ApiSource& source) {
  json answer{{"version", version_tag()}, {"state", "absent"}, {"nights", 0}, {"ok", false}};
  try {
    auto state = night::State::open_read_only(source.state_folder);
    // A disk that is not mounted looks like a site that has not begun.
    if (!state) return answer;
    const auto nights = state->nights();
    answer["ok"] = true;
    answer["state"] = "readable";
    answer["nights"] = nights.size();
    for (const night::ShownNight& night : nights)
      if (!answer.contains("last_pass_at") || answer["last_pass_at"] < night.updated_at)
        answer["last_pass_at"] = night.updated_at;
  } catch (const night::NewerSchema& newer) {
    answer["ok"] = false;
    answer["state"] = "newer";
    answer["problem"] = newer.problem();
  } catch (const Error& error) {
    answer["ok"] = false;
    answer["state"] = "unreadable";
    answer["problem"] = error.problem();
  }
  return answer;
}

Response health_answer(const ApiSource& source) {
  const json answer = health(source);
  return json_answer(answer, answer["ok"].get<bool>() ? 200 : 503);
}

bool wanted(const json& job, const Request& request) {
  const auto stage = request.parameter("stage"), status = request.parameter("status"),
             run = request.parameter("run");
  return (!stage || job["stage"] == *stage) && (!status || job["status"] == *status) &&
         (!run || std::to_string(job["run"].get<int>()) == *run);
}

Response one_night(const ApiSource& source, const Request& request) {
  const auto parts = path_parts(request.path, "/api/v1/nights/");
  if (parts.size() != 2 && parts.size() != 3)
    throw Error(ErrorKind::incomplete, "there is no such resource", request.path,
                "see /api/v1/openapi.yaml");
  AddressedNight at = open_night(source.state_folder, parts[0], parts[1]);
  const auto status = night::read_status(at.state, at.key);
  if (!status)
    throw Error(ErrorKind::incomplete, "there is no such night in the state", request.path);
  if (parts.size() == 2) return json_answer(night_document(*status));
  if (parts[2] == "jobs") {
    json jobs = json::array(), all = night::status_json(*status);
    for (json& job : all["jobs"])
      if (wanted(job, request)) jobs.push_back(std::move(job));
    return json_answer({{"jobs", std::move(jobs)}});
  }
  if (parts[2] == "failures") {
    json document = night_document(*status);
    return json_answer(
        {{"failures", std::move(document["troubles"])}, {"more", document["more_troubles"]}});
  }
  throw Error(ErrorKind::incomplete, "there is no such resource", request.path,
              "see /api/v1/openapi.yaml");
}

}  // namespace

Router night_api(const ApiSource& source) {
  return {
      {"/api/v1/nights",
       [&source](const Request&) {
         auto state = night::State::open_read_only(source.state_folder);
         return json_answer(state ? nights_document(*state, *source.memory)
                                  : json{{"nights", json::array()}});
       }},
      {"/api/v1/nights/", [&source](const Request& request) { return one_night(source, request); }},
      {"/api/v1/health", [&source](const Request&) { return health_answer(source); }},
      {"/healthz", [&source](const Request&) { return health_answer(source); }},
      {"/api/v1/openapi.yaml",
       [&source](const Request&) {
         Response response;
         response.content_type = "application/yaml";
         response.body = read_text_file(source.openapi);
         return response;
       }},
      {"/metrics", [&source](const Request&) {
         Response response;
         response.content_type = "text/plain; version=0.0.4; charset=utf-8";
         response.body = metrics_text(source.state_folder);
         return response;
       }}};
}

}  // namespace alisio::web
