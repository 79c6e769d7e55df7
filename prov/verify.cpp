#include "prov/verify.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Return when a file was modified, s since 1970 UTC.
double modified_unix_utc_s(const fs::path& path) {
  std::error_code problem;
  const auto time = fs::last_write_time(path, problem);
  if (problem) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration<double>(system.time_since_epoch()).count();
}

/// Return a number between 0 and 1 that depends on the path and the seed only.
double lot_of(const fs::path& path, std::uint64_t seed) {
  const std::string hash = hash_text(std::to_string(seed) + path.string());
  return static_cast<double>(std::stoull(hash.substr(0, 13), nullptr, 16)) / 0x1p52;
}

std::set<fs::path> documents_in(const std::vector<fs::path>& sources) {
  std::set<fs::path> files;
  for (const fs::path& source : sources) {
    if (!fs::is_directory(source)) {
      files.insert(source);
      continue;
    }
    bool found = false;
    for (const auto& entry : fs::recursive_directory_iterator(source))
      if (entry.is_regular_file() && entry.path().string().ends_with("_prov.json") &&
          entry.path().parent_path().filename() != "dry_run")
        found = true, files.insert(entry.path());
    if (!found)
      throw Error(ErrorKind::missing_input,
                  "this folder holds no provenance document (*_prov.json) of finished work",
                  source.string(), "merge the journals first: alisio prov merge");
  }
  return files;
}

/// Return what was taken of each entity of a document of which no activity took all. One that an
/// activity made is among them: a file that grows is made again by activities of which the document
/// need not know.
std::map<std::string, std::set<std::string>> parts_in(const json& document) {
  std::map<std::string, std::set<std::string>> parts;
  std::set<std::string> whole;
  if (const auto uses = document.find("used"); uses != document.end())
    for (const json& use : *uses) {
      if (!use.is_object()) continue;
      const std::string entity = use.value("prov:entity", "");
      const json taken = use.value("part", json());
      for (const json& part : taken.is_array() ? taken : json::array({taken}))
        if (part.is_string())
          parts[entity].insert(part.get<std::string>());
        else
          whole.insert(entity);
    }
  for (const std::string& entity : whole) parts.erase(entity);
  return parts;
}

/// Return whether all that was taken of a file is what the file says now.
bool parts_stand(const RecordedFile& file, const PartReader& reader) {
  return reader && !file.parts.empty() &&
         std::all_of(file.parts.begin(), file.parts.end(), [&](const std::string& part) {
           return reader(file.path.string(), part) == part;
         });
}

}  // namespace

std::vector<RecordedFile> recorded_files(const std::vector<fs::path>& documents) {
  std::vector<RecordedFile> recorded;
  for (const fs::path& file : documents_in(documents)) {
    const json document = json::parse(read_text_file(file), nullptr, false);
    if (!document.is_object() || !document.contains("entity") || !document["entity"].is_object())
      throw Error(ErrorKind::bad_input, "this is no PROV-JSON document", file.string(),
                  "give what alisio prov merge wrote (*_prov.json)");
    const auto parts = parts_in(document);
    for (const auto& [id, entity] : document["entity"].items()) {
      if (!entity.is_object()) continue;
      const auto text = [&entity = entity](const char* key) {
        const auto at = entity.find(key);
        return at == entity.end() || !at->is_string() ? std::string() : at->get<std::string>();
      };
      if (text("prov:type") != "File" || text("filepath").empty() || text("status") == "planned")
        continue;
      const auto size = entity.find("size_bytes");
      recorded.push_back(
          {text("filepath"), text("sha256"),
           size != entity.end() && size->is_number_unsigned() ? size->get<std::uint64_t>() : 0, 0});
      if (const auto taken = parts.find(id); taken != parts.end())
        recorded.back().parts = taken->second;
    }
  }
  return recorded;
}

bool as_recorded(const RecordedFile& file, std::string* found_sha256) {
  std::error_code problem;
  const std::uint64_t size = fs::file_size(file.path, problem);
  if (problem) return false;
  if (file.size_bytes > 0 && size != file.size_bytes) return false;
  if (file.sha256.empty()) return true;
  // If the clocks of two machines differ, a file is read in vain, or one that was altered within
  // this difference is taken for unchanged.
  const bool unchanged = file.size_bytes > 0 && file.recorded_unix_utc_s > 0 &&
                         modified_unix_utc_s(file.path) <= file.recorded_unix_utc_s;
  if (unchanged) return true;
  const std::string found = hash_file(file.path);
  if (found_sha256 != nullptr) *found_sha256 = found;
  return found == file.sha256;
}

VerifyResult verify(const std::vector<RecordedFile>& files, const VerifyRequest& request) {
  VerifyResult result;
  // One look at each file, however many records name it.
  std::map<fs::path, std::map<std::string, RecordedFile>> by_path;
  for (const RecordedFile& file : files) {
    if (file.sha256.empty() && file.size_bytes == 0) {
      ++result.without_hash;
      continue;
    }
    const auto [at, is_new] = by_path[file.path].try_emplace(file.sha256, file);
    if (is_new) continue;
    std::set<std::string> parts = at->second.parts;
    if (file.parts.empty()) parts.clear();
    if (!parts.empty()) parts.insert(file.parts.begin(), file.parts.end());
    if (at->second.recorded_unix_utc_s < file.recorded_unix_utc_s) at->second = file;
    at->second.parts = std::move(parts);
  }
  for (const auto& [path, records] : by_path) {
    std::error_code problem;
    if (!fs::is_regular_file(path, problem)) {
      result.mismatches.push_back({path, "missing", records.begin()->first, ""});
      continue;
    }
    ++result.files;
    const std::uint64_t size = fs::file_size(path, problem);
    const bool read =
        request.mode == VerifyMode::full ||
        (request.mode == VerifyMode::sample && lot_of(path, request.seed) < request.fraction);
    std::string found;
    if (read) found = hash_file(path);
    for (const auto& [sha256, record] : records) {
      bool good = true;
      if (record.sha256.empty()) {
        ++result.without_hash;
        good = size == record.size_bytes;
      } else if (read) {
        good = found == sha256;
      } else {
        good = as_recorded(record, found.empty() ? &found : nullptr);
      }
      if (!good && !parts_stand(record, request.part))
        result.mismatches.push_back({path, "content differs", sha256, found});
    }
    if (!found.empty()) {
      ++result.hashed;
      result.bytes += size;
    }
  }
  return result;
}

}  // namespace alisio::prov
