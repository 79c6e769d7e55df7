#include "lib/night/catalogue_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/make_executor.hpp"
#include "lib/night/program_output.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t words_kept = 300;

std::string filled_in(std::string word, const NightKey& night) {
  const std::pair<std::string, std::string> known[] = {
      {"{date}", night.date.iso()}, {"{telescope}", std::to_string(night.telescope)}};
  for (const auto& [name, value] : known)
    for (std::size_t at = word.find(name); at != std::string::npos; at = word.find(name, at))
      word.replace(at, name.size(), value);
  return word;
}

/// Return the last line of what a program complained of.
std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  text.erase(0, text.rfind('\n') + 1);
  return text.substr(0, words_kept);
}

bool lacks_any(const RunCatalogue& catalogue, const std::vector<int>& runs) {
  return std::any_of(runs.begin(), runs.end(), [&](int run) { return !catalogue.contains(run); });
}

std::string row_text(const CatalogueRow& row) {
  return fmt::format("{} at declination {:.2f} deg", row.source, row.dec_deg);
}

/// Return the kept answers. A damaged file is told of, and asked for anew.
RunCatalogue kept_answers(const fs::path& file, std::vector<std::string>& notes) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  try {
    return read_run_catalogue(file);
  } catch (const Error& error) {
    notes.push_back(fmt::format("the kept run catalogue is not used: {}", error.what()));
    return {};
  }
}

/// Add the rows of an answer that are new, and write them down. @throws Error(resource).
void keep_new(const CatalogueAnswer& answer, const CatalogueCommand& command, RunCatalogue& kept,
              std::vector<std::string>& notes) {
  bool is_new = false;
  for (const auto& [run, row] : answer.rows) {
    const auto [place, added] = kept.insert({run, row});
    is_new = is_new || added;
    if (!added && (place->second.source != row.source ||
                   std::abs(place->second.dec_deg - row.dec_deg) > 1e-6))
      notes.push_back(fmt::format(
          "run {}: {} was answered and holds, the run catalogue now says {}; to take that, remove "
          "{}",
          run, row_text(place->second), row_text(row), command.kept.string()));
  }
  if (is_new) write_file_atomically(command.kept, to_text(kept));
}

/// Ask, and keep what is new. @return what there is to tell
std::vector<std::string> ask_and_keep(const CatalogueCommand& command, RunCatalogue& kept) {
  std::vector<std::string> notes;
  CatalogueAnswer answer = ask(command);
  if (answer.left_out > 0)
    notes.push_back(fmt::format("the run catalogue gives no declination of {} run{}",
                                answer.left_out, answer.left_out == 1 ? "" : "s"));
  if (answer.fault.empty()) try {
      RunCatalogue with_new = kept;
      keep_new(answer, command, with_new, notes);
      kept = std::move(with_new);
    } catch (const Error& error) {
      answer.fault = error.what();
    }
  if (!answer.fault.empty())
    notes.push_back(fmt::format(
        "no answer from the run catalogue ({}); {}", answer.fault,
        kept.empty() ? "it is asked again at the next pass" : "what it answered before holds"));
  return notes;
}

}  // namespace

CatalogueCommand catalogue_command(const config::Configuration& configuration,
                                   const NightKey& night) {
  CatalogueCommand command;
  for (const std::string& word : configuration.words("night.catalogue_command"))
    command.words.push_back(filled_in(word, night));
  command.time_limit_s = configuration.number("night.catalogue_timeout");
  // Jobs on other machines record the file that their models were chosen by.
  command.kept = scratch_folder(configuration) / "run_catalogue" /
                 fmt::format("RunCatalog_LST-{}_{}.ecsv", night.telescope, night.date.compact());
  return command;
}

CatalogueAnswer ask(const CatalogueCommand& command) {
  CatalogueAnswer answer;
  try {
    const ProgramOutput said = run_program(command.words, command.time_limit_s);
    if (said.timed_out)
      answer.fault =
          fmt::format("{} took longer than {} s", command.words.front(), command.time_limit_s);
    else if (said.exit_code != 0)
      answer.fault = fmt::format("{} failed with code {}: {}", command.words.front(),
                                 said.exit_code, last_line(said.err));
    else
      answer.rows = parse_run_catalogue(said.out, command.kept);
  } catch (const Error& error) {
    answer.fault =
        fmt::format("{} gives no run catalogue: {}", command.words.front(), error.problem());
  }
  answer.left_out = static_cast<int>(
      std::erase_if(answer.rows, [](const auto& row) { return std::isnan(row.second.dec_deg); }));
  return answer;
}

CatalogueFill catalogue_fill(const CatalogueCommand& command, bool may_ask) {
  if (command.words.empty()) return {};
  return [command, may_ask, asked = false, told = std::vector<std::string>()](
             const std::vector<int>& runs, RunCatalogue& catalogue) mutable {
    std::vector<std::string> notes;
    RunCatalogue kept = kept_answers(command.kept, notes);
    RunCatalogue known = catalogue;
    known.insert(kept.begin(), kept.end());
    if (may_ask && !asked && lacks_any(known, runs)) {
      asked = true;
      told = ask_and_keep(command, kept);
    }
    catalogue.insert(kept.begin(), kept.end());
    notes.insert(notes.end(), told.begin(), told.end());
    return notes;
  };
}

}  // namespace alisio::night
