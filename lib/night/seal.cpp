#include "lib/night/seal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
using nlohmann::ordered_json;
namespace {

constexpr const char* format_name = "alisio seal of a night";
constexpr int format_version = 1;
constexpr std::string_view name_start = "seal_", name_end = ".json";

/// Numbers of runs and subruns that concern more than one are left out.
void add_key(ordered_json& item, const JobKey& key) {
  item["stage"] = key.stage;
  if (key.run != whole_night) item["run"] = key.run;
  if (key.subrun != whole_run) item["subrun"] = key.subrun;
}

JobKey key_of(const ordered_json& item) {
  return {item.value("stage", ""), item.value("run", whole_night), item.value("subrun", whole_run)};
}

ordered_json to_json(const SealedFile& file) {
  ordered_json item{{"path", file.path}, {"size", file.size}, {"sha256", file.hashes.sha256}};
  if (!file.hashes.data_hash.empty()) item["data_hash"] = file.hashes.data_hash;
  if (!file.port.empty()) item["port"] = file.port;
  if (!file.job.stage.empty()) add_key(item, file.job);
  if (!file.activity_id.empty()) item["activity_id"] = file.activity_id;
  if (file.shared) item["shared"] = true;
  return item;
}

ordered_json to_json(const std::vector<SealedFile>& files) {
  ordered_json list = ordered_json::array();
  for (const SealedFile& file : files) list.push_back(to_json(file));
  return list;
}

std::vector<SealedFile> files_of(const ordered_json& list) {
  std::vector<SealedFile> files;
  for (const ordered_json& item : list) {
    SealedFile file;
    file.path = item.at("path");
    file.size = item.at("size");
    file.hashes = {item.at("sha256"), item.value("data_hash", "")};
    file.job = key_of(item);
    file.port = item.value("port", "");
    file.activity_id = item.value("activity_id", "");
    file.shared = item.value("shared", false);
    files.push_back(std::move(file));
  }
  return files;
}

ordered_json to_json(const std::optional<SealReference>& seal) {
  if (!seal) return nullptr;
  return {{"number", seal->number}, {"file", seal->file}, {"sha256", seal->sha256}};
}

std::optional<SealReference> reference_of(const ordered_json& item) {
  if (item.is_null()) return std::nullopt;
  return SealReference{item.at("number"), item.at("file"), item.at("sha256")};
}

ordered_json to_json(const std::vector<OpenJob>& jobs) {
  ordered_json list = ordered_json::array();
  for (const OpenJob& job : jobs) {
    ordered_json item;
    add_key(item, job.key);
    item["reason"] = job.reason;
    list.push_back(std::move(item));
  }
  return list;
}

std::vector<OpenJob> jobs_of(const ordered_json& list) {
  std::vector<OpenJob> jobs;
  for (const ordered_json& item : list) jobs.push_back({key_of(item), item.at("reason")});
  return jobs;
}

ordered_json to_json(const std::vector<RunCompleteness>& runs) {
  ordered_json list = ordered_json::array();
  for (const RunCompleteness& run : runs) {
    ordered_json item{{"run", run.run}, {"expected_subruns", run.expected_subruns}};
    item["missing"] = ordered_json::array();
    for (const MissingSubrun& missing : run.missing)
      item["missing"].push_back(
          {{"subrun", missing.subrun}, {"stage", missing.stage}, {"reason", missing.reason}});
    if (!run.failed_gates.empty()) item["failed_gates"] = run.failed_gates;
    list.push_back(std::move(item));
  }
  return list;
}

std::vector<RunCompleteness> runs_of(const ordered_json& list) {
  std::vector<RunCompleteness> runs;
  for (const ordered_json& item : list) {
    RunCompleteness run;
    run.run = item.at("run");
    run.expected_subruns = item.at("expected_subruns");
    run.failed_gates = item.value("failed_gates", "");
    for (const ordered_json& missing : item.at("missing"))
      run.missing.push_back({missing.at("subrun"), missing.at("stage"), missing.at("reason")});
    runs.push_back(std::move(run));
  }
  return runs;
}

void add_signer(const Seal& seal, ordered_json& document) {
  document["signer"] = seal.public_key.empty() ? ordered_json()
                                               : ordered_json{{"algorithm", "Ed25519"},
                                                              {"fingerprint", seal.fingerprint},
                                                              {"public_key", seal.public_key}};
}

Seal seal_of(const ordered_json& document) {
  Seal seal;
  seal.number = document.at("number");
  const std::string telescope = document.at("telescope");
  seal.key = {std::stoi(telescope.substr(telescope.find('-') + 1)),
              NightDate::parse(document.at("date").get<std::string>()), document.at("prod_id")};
  seal.closing_id = document.at("closing_id");
  seal.closed_at = document.at("closed_at");
  seal.author = document.at("closed_by");
  seal.reason = document.at("reason");
  seal.forced = document.at("forced");
  seal.program = document.at("program");
  seal.root = document.at("root").get<std::string>();
  seal.previous = reference_of(document.at("previous"));
  seal.replaces = reference_of(document.at("replaces"));
  if (const ordered_json& signer = document.at("signer"); !signer.is_null()) {
    seal.public_key = signer.at("public_key");
    seal.fingerprint = signer.at("fingerprint");
  }
  seal.found.runs = runs_of(document.at("runs"));
  seal.found.unfinished = jobs_of(document.at("unfinished"));
  seal.found.pending = jobs_of(document.at("pending"));
  seal.not_sealed = document.at("not_sealed").get<std::vector<std::string>>();
  seal.products = files_of(document.at("products"));
  seal.documents = files_of(document.at("documents"));
  seal.used = files_of(document.at("used"));
  return seal;
}

}  // namespace

std::string to_text(const Seal& seal) {
  ordered_json document{{"format", format_name},
                        {"version", format_version},
                        {"number", seal.number},
                        {"telescope", telescope_text(seal.key.telescope)},
                        {"date", seal.key.date.iso()},
                        {"prod_id", seal.key.prod_id},
                        {"closing_id", seal.closing_id},
                        {"closed_at", seal.closed_at},
                        {"closed_by", seal.author},
                        {"reason", seal.reason},
                        {"forced", seal.forced},
                        {"program", seal.program},
                        {"root", seal.root.string()},
                        {"previous", to_json(seal.previous)},
                        {"replaces", to_json(seal.replaces)}};
  add_signer(seal, document);
  document["runs"] = to_json(seal.found.runs);
  document["unfinished"] = to_json(seal.found.unfinished);
  document["pending"] = to_json(seal.found.pending);
  document["not_sealed"] = seal.not_sealed;
  document["products"] = to_json(seal.products);
  document["documents"] = to_json(seal.documents);
  document["used"] = to_json(seal.used);
  return document.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Seal parse_seal(const std::string& text, const fs::path& file) {
  try {
    const ordered_json document = ordered_json::parse(text);
    if (document.at("format") != format_name || document.at("version") != format_version)
      throw Error(ErrorKind::bad_input, "this is no seal of a kind known here", file.string(),
                  "use the program that wrote it, or a newer one");
    return seal_of(document);
  } catch (const ordered_json::exception& error) {
    throw Error(ErrorKind::bad_input, std::string("this is no seal: ") + error.what(),
                file.string());
  } catch (const std::logic_error&) {  // a telescope without a number
    throw Error(ErrorKind::bad_input, "this is no seal: its telescope has no number",
                file.string());
  }
}

fs::path seal_folder(const fs::path& products, int telescope, const std::string& prod_id) {
  return products / "seals" / telescope_text(telescope) / prod_id;
}

std::string seal_name(std::int64_t number, const NightDate& date) {
  return fmt::format("{}{:06}_{}{}", name_start, number, date.compact(), name_end);
}

fs::path signature_file(const fs::path& seal) {
  return seal.string() + ".sig";
}

std::int64_t seal_number(const fs::path& file) {
  const std::string name = file.filename().string();
  std::int64_t number = 0;
  if (!name.starts_with(name_start) || !name.ends_with(name_end)) return 0;
  const auto [rest, fault] =
      std::from_chars(name.data() + name_start.size(), name.data() + name.size(), number);
  return fault == std::errc() && *rest == '_' ? number : 0;
}

std::vector<fs::path> list_seals(const fs::path& folder) {
  std::vector<fs::path> seals;
  std::error_code absent;
  for (fs::directory_iterator at(folder, absent); !absent && at != fs::directory_iterator();
       at.increment(absent))
    if (seal_number(at->path()) > 0) seals.push_back(at->path());
  std::sort(seals.begin(), seals.end(), [](const fs::path& left, const fs::path& right) {
    return seal_number(left) < seal_number(right);
  });
  return seals;
}

}  // namespace alisio::night
