#include "calib/measure/time_calibration.hpp"
