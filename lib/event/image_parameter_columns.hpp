#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "lib/event/image_parameters.hpp"

/// The one list of which DL1 column holds which image parameter.
namespace alisio {

/// Where ImageParameters holds a value, and of which type.
using ParameterMember = std::variant<double ImageParameters::*, float ImageParameters::*,
                                     std::int64_t ImageParameters::*>;

struct ImageParameterColumn {
  std::string_view name;
  ParameterMember member;
};

inline constexpr std::array image_parameter_columns = {
    ImageParameterColumn{"intensity", &ImageParameters::intensity},
    ImageParameterColumn{"log_intensity", &ImageParameters::log_intensity},
    ImageParameterColumn{"x", &ImageParameters::x},
    ImageParameterColumn{"y", &ImageParameters::y},
    ImageParameterColumn{"r", &ImageParameters::r},
    ImageParameterColumn{"phi", &ImageParameters::phi},
    ImageParameterColumn{"length", &ImageParameters::length},
    ImageParameterColumn{"length_uncertainty", &ImageParameters::length_uncertainty},
    ImageParameterColumn{"width", &ImageParameters::width},
    ImageParameterColumn{"width_uncertainty", &ImageParameters::width_uncertainty},
    ImageParameterColumn{"psi", &ImageParameters::psi},
    ImageParameterColumn{"skewness", &ImageParameters::skewness},
    ImageParameterColumn{"kurtosis", &ImageParameters::kurtosis},
    ImageParameterColumn{"time_gradient", &ImageParameters::time_gradient},
    ImageParameterColumn{"intercept", &ImageParameters::intercept},
    ImageParameterColumn{"leakage_intensity_width_1", &ImageParameters::leakage_intensity_width_1},
    ImageParameterColumn{"leakage_intensity_width_2", &ImageParameters::leakage_intensity_width_2},
    ImageParameterColumn{"leakage_pixels_width_1", &ImageParameters::leakage_pixels_width_1},
    ImageParameterColumn{"leakage_pixels_width_2", &ImageParameters::leakage_pixels_width_2},
    ImageParameterColumn{"n_pixels", &ImageParameters::n_pixels},
    ImageParameterColumn{"concentration_cog", &ImageParameters::concentration_cog},
    ImageParameterColumn{"concentration_core", &ImageParameters::concentration_core},
    ImageParameterColumn{"concentration_pixel", &ImageParameters::concentration_pixel},
    ImageParameterColumn{"n_islands", &ImageParameters::n_islands},
    ImageParameterColumn{"wl", &ImageParameters::wl}};

/// The other columns of the DL1 parameters table: of the event, its pointing and its telescope.
inline constexpr std::array event_columns = {
    "obs_id",      "event_id",  "alt_tel",   "az_tel",       "sin_az_tel",        "calibration_id",
    "dragon_time", "ucts_time", "tib_time",  "ucts_jump",    "mc_type",           "tel_id",
    "tel_pos_x",   "tel_pos_y", "tel_pos_z", "trigger_type", "ucts_trigger_type", "trigger_time",
    "event_type"};

/// Return the column of a name, none if it holds no image parameter.
[[nodiscard]] constexpr std::optional<ImageParameterColumn> find_image_parameter(
    std::string_view name) {
  for (const ImageParameterColumn& column : image_parameter_columns)
    if (column.name == name) return column;
  return std::nullopt;
}

/// Return whether it is one of the uncertainties, which older DL1 files lack.
[[nodiscard]] constexpr bool is_uncertainty(const ImageParameterColumn& column) {
  return column.name.ends_with("_uncertainty");
}

[[nodiscard]] inline double value_of(const ImageParameters& image, ParameterMember member) {
  return std::visit([&](auto at) { return static_cast<double>(image.*at); }, member);
}

}  // namespace alisio
