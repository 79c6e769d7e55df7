#include "lib/stage/text_product.hpp"

#include <fstream>

#include "lib/base/error.hpp"

namespace alisio::stage {

void create_text(StageRun& run, const std::string& port, const std::filesystem::path& target,
                 const std::string& text) {
  PendingFile& file = run.create(port, target);
  std::ofstream out(file.path(), std::ios::binary);
  out << text;
  out.close();
  if (!out)
    throw Error(ErrorKind::resource, "cannot be written", target.string(),
                "is there room on the disk?");
}

}  // namespace alisio::stage
