#include "prov/verify.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::json;

VerifyResult verify(const std::vector<fs::path>& documents) {
  std::set<fs::path> files;
  for (const fs::path& source : documents) {
    if (fs::is_directory(source)) {
      bool found = false;
      for (const auto& entry : fs::recursive_directory_iterator(source))
        if (entry.is_regular_file() && entry.path().string().ends_with("_prov.json") &&
            entry.path().parent_path().filename() != "dry_run")
          found = true, files.insert(entry.path());
      if (!found)
        throw Error(ErrorKind::missing_input,
                    "this folder holds no provenance document (*_prov.json) of finished work",
                    source.string(), "merge the journals first: alisio prov merge");
    } else {
      files.insert(source);
    }
  }
  VerifyResult result;
  std::map<fs::path, std::set<std::string>> recorded;  // path to the contents that records name
  for (const fs::path& file : files) {
    const json document = json::parse(read_text_file(file), nullptr, false);
    if (!document.is_object() || !document.contains("entity"))
      throw Error(ErrorKind::bad_input, "this is no PROV-JSON document", file.string());
    for (const auto& [id, entity] : document["entity"].items()) {
      const auto text = [&](const char* key) {
        const auto at = entity.find(key);
        return at == entity.end() || !at->is_string() ? std::string() : at->get<std::string>();
      };
      if (text("prov:type") != "File" || text("filepath").empty() || text("status") == "planned")
        continue;
      if (text("sha256").empty())
        ++result.without_hash;
      else
        recorded[text("filepath")].insert(text("sha256"));
    }
  }
  for (const auto& [path, hashes] : recorded) {
    std::error_code problem;
    if (!fs::is_regular_file(path, problem)) {
      result.mismatches.push_back({path, "missing", *hashes.begin(), ""});
      continue;
    }
    ++result.files;
    result.bytes += fs::file_size(path, problem);
    const std::string found = hash_file(path);
    for (const std::string& hash : hashes)
      if (hash != found) result.mismatches.push_back({path, "content differs", hash, found});
  }
  return result;
}

}  // namespace alisio::prov
