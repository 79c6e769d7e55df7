#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/gate.hpp"
#include "lib/instrument/camera.hpp"

/// Self-contained HTML pages: one file with its style, script and numbers, which opens without
/// network or server, on a phone and on paper.
namespace alisio::report {

/// What a traffic light says; every light is also said in words.
enum class Light { good, attention, bad, unknown };

/// Return the word shown beside a light: "good", "attention", "bad", "not measured".
[[nodiscard]] std::string_view to_string(Light light);
/// Return the light of a judged gate: unknown if its value is NaN.
[[nodiscard]] Light light_of(const Gate& gate);
/// Return the worst of some lights: bad, attention, good; unknown only if there is no other.
[[nodiscard]] Light worst(std::span<const Light> lights);

/// What an axis or a colour scale shows.
struct Axis {
  enum class Scale { linear, log, time };
  std::string label;            ///< "charge"
  std::string unit = {};        ///< "p.e."; may be empty
  Scale scale = Scale::linear;  ///< time: values are Unix seconds, UTC, and labelled as such
  double low = std::numeric_limits<double>::quiet_NaN();   ///< NaN: from the values
  double high = std::numeric_limits<double>::quiet_NaN();  ///< NaN: from the values
  bool whole = false;                                      ///< whole numbers: no ticks between them
};

/// One set of points. NaN points are left out.
struct Curve {
  enum class Style { points, line, both };
  std::string name;  ///< in the legend and in the CSV header
  std::vector<double> x, y;
  std::vector<double> error = {};         ///< of y, drawn both ways; or empty
  std::vector<std::string> labels = {};   ///< per point, shown on hover ("Run 11220"); or empty
  std::vector<std::uint8_t> marked = {};  ///< per point: 1 is drawn as an outlier; or empty
  Style style = Style::points;
  bool reference = false;  ///< drawn subdued, as what is compared with
  int colour = -1;         ///< 0 to 6; -1: by its place among the curves
};

/// A range of y that is drawn as a band behind the points: the limits of a gate, for example.
struct Band {
  std::string name;
  double low = 0, high = 0;
};

/// Points and lines against x.
struct LinePlot {
  std::string title;
  std::string note = {};  ///< the note is printed below; may be empty
  Axis x, y;
  std::vector<Curve> curves;
  std::vector<Band> bands = {};
};

/// One content of a histogram: counts, or densities.
struct Content {
  std::string name;
  std::vector<double> values;  ///< [bin]
  bool reference = false;
  int colour = -1;  ///< 0 to 6; -1: by its place among the contents
};

/// Histograms of one quantity over common bins.
struct Histogram {
  std::string title;
  std::string note = {};
  Axis x, y;
  std::vector<double> edges;  ///< [bin + 1], ascending
  std::vector<Content> contents;
};

/// Counts over two quantities, drawn as coloured cells on a logarithmic colour scale.
struct Histogram2d {
  std::string title;
  std::string note = {};
  Axis x, y;
  std::vector<double> x_edges, y_edges;
  std::vector<double> counts;  ///< [x bin][y bin]
};

/// One value per pixel, drawn as a camera. The colour scale spans 0.5 to 99.5 % of the pixels
/// unless `value` gives its ends; the reader can switch to the full range.
struct CameraMap {
  std::string title;
  std::string note = {};
  Axis value;
  std::size_t camera = 0;      ///< what Page::add_camera() returned
  std::vector<double> values;  ///< [pixel]; NaN pixels are grey
  std::vector<double> reference =
      {};  ///< [pixel], or empty; the reader can switch to the difference
};

/// A cell of a table.
struct Cell {
  std::string text;
  std::string link = {};  ///< relative address or #anchor; may be empty
  std::string hint = {};  ///< shown on hover; may be empty
  bool number = false;    ///< set to the right
  bool has_light = false;
  Light light = Light::unknown;
};

[[nodiscard]] Cell text_cell(std::string text, std::string link = {});
/// A number with so many digits after the point; "–" if it is NaN.
[[nodiscard]] Cell number_cell(double value, int digits = 0);
[[nodiscard]] Cell light_cell(Light light, std::string text = {});

/// A table that can be downloaded as CSV.
struct Table {
  std::string title;  ///< also the name of the download; shown as caption
  std::vector<std::string> columns;
  std::vector<std::string> below = {};  ///< small texts below the columns' names, or empty
  std::vector<std::vector<Cell>> rows;
};

/// A page under construction. Texts are escaped here, not by the caller.
class Page {
 public:
  /// @param title     of the page, also its first heading
  /// @param subtitle  one line below it; may be empty
  explicit Page(std::string title, std::string subtitle = {});

  /// Add the outlines of a camera's pixels, which all maps of that camera share.
  /// @return its number, for CameraMap::camera
  std::size_t add_camera(const instrument::CameraGeometry& geometry);

  /// Begin a section with an anchor that tables may link to. A folding section is shown closed, is
  /// opened by a link to it, and is printed only if it is open.
  /// @param words beside the light; empty: the light's own
  void begin_section(const std::string& title, const std::string& anchor, bool folding = false,
                     Light light = Light::unknown, bool show_light = false,
                     std::string_view words = {});
  void end_section();

  void heading(const std::string& text, const std::string& anchor = {});
  void paragraph(const std::string& text);
  /// A sentence that something is missing or odd.
  void notice(const std::string& text);
  void list(const std::vector<std::string>& items);
  /// Links beside each other: (text, address).
  void links(const std::vector<std::pair<std::string, std::string>>& links);
  void add(const Table& table);

  /// Begin and end a group of plots, which are laid out beside each other as the width allows.
  void begin_plots();
  void end_plots();
  /// Plots; @throws Error(bug) if the sizes of their arrays do not fit each other.
  void add(const LinePlot& plot);
  void add(const Histogram& plot);
  void add(const Histogram2d& plot);
  void add(const CameraMap& plot);

  /// Write the page. The text depends on what was added alone.
  /// @param footer one line at the end: who made it, from what
  [[nodiscard]] std::string html(const std::string& footer) const;

 private:
  struct Open {
    bool folding = false;
  };
  std::size_t array(std::string packed);
  void figure(const std::string& title, const std::string& note, std::string description);

  std::string title_, subtitle_, body_;
  std::vector<std::string> arrays_, plots_, cameras_;
  std::vector<std::pair<std::string, std::string>> menu_;  ///< anchor, title of the sections
  std::map<std::string, std::size_t> known_arrays_;
  std::vector<Open> open_;
};

}  // namespace alisio::report
