#include "lib/stage/product_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/error.hpp"

namespace alisio::stage {
namespace {

struct NameForm {
  std::string_view port, form;
};

constexpr std::array forms = {
    NameForm{"drs4_pedestal", "drs4_pedestal.Run{run}.0000.h5"},
    NameForm{"time_calibration", "time_calibration.Run{run}.0000.h5"},
    NameForm{"charge_calibration", "calibration_filters_{filters}.Run{run}.0000.h5"},
    NameForm{"catb_calibration", "cat_B_calibration_filters_{filters}.Run{run}.h5"},
    NameForm{"pedestal_ids", "pedestal_ids_Run{run}.{subrun}.h5"},
    NameForm{"tailcuts", "dl1ab_Run{run}.json"},
    NameForm{"dl1_subrun", "dl1_{telescope}.Run{run}.{subrun}.h5"},
    NameForm{"dl1_run", "dl1_{telescope}.Run{run}.h5"},
    NameForm{"interleaved", "interleaved_{telescope}.Run{run}.{subrun}.h5"},
    NameForm{"muons", "muons_{telescope}.Run{run}.{subrun}.fits"},
    NameForm{"muons_run", "muons_{telescope}.Run{run}.fits"},
    NameForm{"muons_night", "muons_{telescope}.{date}.fits"},
    NameForm{"dl1_datacheck", "datacheck_dl1_{telescope}.Run{run}.{subrun}.h5"},
    NameForm{"dl1_datacheck_run", "datacheck_dl1_{telescope}.Run{run}.h5"},
    NameForm{"dl1_datacheck_night", "datacheck_dl1_{telescope}.{date}.h5"},
    NameForm{"dl2_subrun", "dl2_{telescope}.Run{run}.{subrun}.h5"},
    NameForm{"dl2_run", "dl2_{telescope}.Run{run}.h5"},
    NameForm{"dl3_run", "dl3_{telescope}.Run{run}.fits"},
    NameForm{"significance", "significance_{date}.json"},
    NameForm{"night_report", "report_{date}.html"}};

std::string_view form_of(std::string_view port) {
  const auto found = std::ranges::find(forms, port, &NameForm::port);
  if (found == forms.end())
    throw Error(ErrorKind::bug, fmt::format("products of '{}' have no name", port));
  return found->form;
}

}  // namespace

std::string product_name(std::string_view port, const SubrunId& id, std::string_view filters) {
  return fmt::format(fmt::runtime(form_of(port)),
                     fmt::arg("telescope", telescope_text(id.telescope)),
                     fmt::arg("run", run_text(id.run)), fmt::arg("subrun", subrun_text(id.subrun)),
                     fmt::arg("filters", filters));
}

std::string night_product_name(std::string_view port, int telescope, std::string_view date) {
  return fmt::format(fmt::runtime(form_of(port)), fmt::arg("telescope", telescope_text(telescope)),
                     fmt::arg("date", date));
}

}  // namespace alisio::stage
