#include "lib/pipeline/parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/io/fits/file.hpp"
#include "lib/pipeline/names.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;

Parts parts_in_names(const std::vector<std::string>& names) {
  Parts parts;
  for (const std::string& text : names)
    if (const std::optional<RunFileName> name = parse_run_file_name(text);
        name && name->is_product() && name->has_usual_digits &&
        name->ends_in_any_of({".h5", ".hdf5", ".fits"}))
      parts.emplace(name->run, name->subrun.value_or(all_subruns));
  return parts;
}

Parts parts_in_names(const std::vector<fs::path>& files) {
  std::vector<std::string> names;
  for (const fs::path& file : files) names.push_back(file.filename().string());
  return parts_in_names(names);
}

Parts recorded_parts(const fs::path& fits_product) {
  if (std::error_code absent; !fs::exists(fits_product, absent)) return {};
  const auto read = [&] {
    const fits::File file = fits::File::open(fits_product);
    const auto value = [&](const std::string& key) { return file.text_key("PRIMARY", key); };
    std::vector<std::string> names;
    while (const auto name = value(fmt::format("PROV INPUT {} FILE", names.size())))
      names.push_back(*name);
    return parts_in_names(names);
  };
  return unless_damaged(read).value_or(Parts{});
}

void refuse_loss(const fs::path& product, const Parts& there, const Parts& coming,
                 const std::set<int>& left_out) {
  std::vector<std::string> lost;
  for (const auto& [run, subrun] : there)
    if (!coming.contains({run, subrun}) && !coming.contains({run, all_subruns}) &&
        !left_out.contains(subrun))
      lost.push_back(subrun == all_subruns
                         ? run_text(run)
                         : fmt::format("{}.{}", run_text(run), subrun_text(subrun)));
  if (!lost.empty())
    throw Error(ErrorKind::usage,
                fmt::format("is made of {} too, which would be lost", fmt::join(lost, ", ")),
                product.string(),
                "give these as well, choose another --output-dir, or give --overwrite");
}

}  // namespace alisio::pipeline
