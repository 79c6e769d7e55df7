#include "apps/prov_ids.hpp"

#include <fstream>

#include "lib/base/error.hpp"
#include "lib/io/fits/file.hpp"
#include "lib/io/hdf5/file.hpp"

namespace alisio::apps {

prov::EmbeddedIds read_embedded_ids(const std::filesystem::path& file) {
  std::string magic(8, '\0');
  std::ifstream(file, std::ios::binary).read(magic.data(), 8);
  prov::EmbeddedIds ids;
  try {
    if (magic == "\x89HDF\r\n\x1a\n") {
      const hdf5::File opened = hdf5::File::open(file);
      const auto text = [&](const char* name) {
        return opened.has_attribute("/", name) ? opened.text_attribute("/", name) : std::string();
      };
      ids = {text("CTA ACTIVITY ID"), text("PROV CAPTURE")};
    } else if (magic == "SIMPLE  ") {
      const fits::File opened = fits::File::open(file);
      const auto text = [&](const char* name) {
        return opened.text_key("PRIMARY", name).value_or("");
      };
      ids = {text("CTA ACTIVITY ID"), text("PROV CAPTURE")};
    }
  } catch (const Error&) {
    // Whoever asks is told that the file is not on record: what is wrong with it is not the matter.
  }
  return ids;
}

}  // namespace alisio::apps
