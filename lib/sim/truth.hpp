#pragma once
#include <string>

#include "lib/sim/camera_model.hpp"
#include "lib/sim/waveforms.hpp"

namespace alisio::sim {

/// Return what calibration has to find out, as an ECSV table with one row per gain and pixel:
/// - gain (0 high, 1 low), pixel (geometry order)
/// - adc_per_pe: area of the mean single photo-electron, ADC x samples, of the whole pulse
/// - window_share: part of that area in 12 samples, 5 of them before the peak, for flat-field light
/// - flat_field_pe: photo-electrons of a flash, mean
/// - time_offset: arrival of a flash behind that of a pixel without delays, ns
/// - noise: electronic, ADC; night_sky: in data runs, p.e./ns (calibration runs have half of it)
/// - spike_0 .. spike_2: ADC
/// - baseline_0 .. baseline_3: mean of each 1024 capacitors, ADC; baseline_rms: of all 4096
/// - delay_cos_h, delay_sin_h: sampling delays, harmonics h = 1 .. 5 of 1024 capacitors, ns
/// - state: ok, dead (flat in data runs), noisy, strong (gain 1.8 times larger) or star (bright
///   night sky)
[[nodiscard]] std::string camera_truth(const CameraModel& camera, const PulseTables& tables);

/// First line of the table of events, and the line of one event: truth_RunRRRRR.csv.
inline constexpr const char* event_truth_header =
    "event_id,subrun,trigger,t_ns,kind,energy_tev,size_pe,x,y,length,width,psi,gradient,source_x,"
    "source_y,impact_m,alt_deg,az_deg\n";

}  // namespace alisio::sim
