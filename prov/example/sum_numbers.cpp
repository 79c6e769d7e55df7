// Adds up the numbers of a file and records it: sum_numbers DEFINITION NUMBERS SUM FOLDER
#include <exception>
#include <fstream>
#include <iostream>

#include "lib/base/hash.hpp"
#include "prov/merge.hpp"
#include "prov/recorder.hpp"

using namespace alisio;

static FileNote note_of(const std::string& port, const std::filesystem::path& file) {
  return {.port = port,
          .path = std::filesystem::absolute(file),
          .size_bytes = std::filesystem::file_size(file),
          .sha256 = hash_file(file)};
}

int main(int argc, char** argv) try {
  if (argc != 5) throw std::runtime_error("usage: sum_numbers DEFINITION NUMBERS SUM FOLDER");
  const auto definition = prov::Definition::load(argv[1]);
  const std::filesystem::path numbers = argv[2], result = argv[3], folder = argv[4];
  prov::Recorder recorder(definition, {}, {.journal_folder = folder / "journal"});
  const ActivityNote activity{.stage = "sum_numbers",
                              .activity_id = new_uuid7(),
                              .run = 1,
                              .observation_date = "20240115",
                              .parameters = {{"scale", "2"}}};
  recorder.started(activity);  // from here on a crash is on record as well
  recorder.used(activity, note_of("numbers", numbers));
  double sum = 0, number = 0;
  for (std::ifstream in(numbers); in >> number;) sum += 2 * number;
  std::ofstream(result) << sum << '\n';
  recorder.generated(activity, note_of("sum", result));
  recorder.finished(activity, {.ok = true});

  prov::MergeRequest request{.journals = {folder / "journal"}, .stage = "sum_numbers", .run = 1};
  request.output_folder = folder;
  std::cout << prov::merge(request, definition, {}).json.string() << '\n';
} catch (const std::exception& problem) {
  std::cerr << problem.what() << '\n';
  return 1;
}
