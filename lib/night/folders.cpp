#include "lib/night/folders.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/path_below.hpp"
#include "lib/base/run_file_name.hpp"
#include "prov/invalidation.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// Return the night-sky background in the log of lstchain_find_tailcuts beside its file.
std::optional<double> nsb_in_log(const fs::path& file) {
  const std::optional<RunFileName> name = parse_run_file_name(file);
  if (!name) return std::nullopt;
  const fs::path log =
      file.parent_path() / fmt::format("log_find_tailcuts_Run{:05}.log", name->run);
  if (std::error_code absent; !fs::exists(log, absent)) return std::nullopt;
  static const std::regex line(R"(Additional NSB rate \(over dark MC\): (-?[\d.]+))");
  std::smatch match;
  const std::string text = read_text_file(log);
  return std::regex_search(text, match, line) ? std::optional(std::stod(match[1])) : std::nullopt;
}

}  // namespace

std::string tailcut_folder(const CleaningLevels& levels) {
  if (levels.boundary == 4) return fmt::format("tailcut{:g}{:g}", levels.picture, levels.boundary);
  return fmt::format("tailcut{:02g}{:02g}", levels.picture, levels.boundary);
}

CleaningLevels read_levels(const fs::path& file) {
  try {
    const nlohmann::json content = nlohmann::json::parse(read_text_file(file));
    const nlohmann::json& block = content.at("tailcuts_clean_with_pedestal_threshold");
    CleaningLevels levels{block.at("picture_thresh"), block.at("boundary_thresh"), {}};
    const auto ours = content.find("find_tailcuts_result");
    if (ours == content.end())
      levels.additional_nsb = nsb_in_log(file);
    else if (const auto nsb = ours->find("additional_nsb"); nsb != ours->end())
      levels.additional_nsb = nsb->get<double>();
    return levels;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::bad_input,
                std::string("the cleaning levels cannot be read: ") + error.what(), file.string(),
                "remove the file: it is made again");
  }
}

fs::path production_folder(const fs::path& products, const char* level, const NightKey& night) {
  return products / level / night.date.compact() / night.prod_id;
}

fs::path products_around(const fs::path& production_folder) {
  return production_folder.parent_path().parent_path().parent_path();
}

bool stands_in(const fs::path& file, const fs::path& tree) {
  const auto is_below = [](const fs::path& one, const fs::path& other) {
    return path_below(one, other).value_or(".") != ".";
  };
  // As it is named, for a part of a tree may be a link to another disk; and as it is.
  return is_below(fs::absolute(file).lexically_normal(), fs::absolute(tree).lexically_normal()) ||
         is_below(fs::weakly_canonical(file), fs::weakly_canonical(tree));
}

fs::path notes_journal(const fs::path& dl1) {
  return dl1 / "log" / "journal" / prov::notes_journal_name;
}

fs::path NightFolders::constants(ConstantsKind kind) const {
  return calibration / "Cat-A" / facts_of(kind).folder / date / version;
}

fs::path NightFolders::cat_b() const {
  return calibration / "Cat-B" / "calibration" / date / version;
}

fs::path NightFolders::log(const std::string& stage, bool dry_run) const {
  fs::path folder = dl1;
  if (stage == "dl1_to_dl2" || stage == "merge_dl2") folder = dl2;
  if (stage == "dl3" || stage == "dl3_index" || stage == "significance") folder = dl3;
  if (stage == "gain_select") folder = r0g;
  for (const ConstantsKind kind : constants_kinds)
    if (stage == facts_of(kind).stage) folder = constants(kind);
  folder /= "log";
  return dry_run ? folder / "dry_run" : folder;
}

fs::path NightFolders::journal(const JobKey& key, bool dry_run) const {
  const bool of_data_run = key.stage == "dl1_to_dl2" || key.stage == "merge_dl2" ||
                           key.stage == "dl3" || key.stage == "gain_select";
  return log(of_data_run ? "r0_to_dl1" : key.stage, dry_run) / "journal" / run_text(key.run);
}

}  // namespace alisio::night
