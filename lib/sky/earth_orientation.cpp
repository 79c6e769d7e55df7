#include "lib/sky/earth_orientation.hpp"

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"

namespace alisio::sky {
namespace {

/// UT1 - UTC in ms, and the pole's place in milliarcseconds.
struct Row {
  double ut1_minus_utc, x, y;
};

constexpr double first_mjd = 58119;
constexpr double step = 30;
constexpr Row rows[] = {
    {216, 59, 248},   {198, 17, 286},   {165, 1, 344},    {134, 32, 394},   {102, 69, 438},
    {77, 113, 447},   {70, 161, 430},   {70, 198, 408},   {64, 211, 372},   {51, 211, 335},
    {23, 192, 302},   {-8, 157, 277},   {-31, 97, 268},   {-55, 55, 297},   {-87, 35, 339},
    {-115, 46, 378},  {-145, 65, 409},  {-167, 102, 427}, {-174, 151, 424}, {-164, 190, 398},
    {-154, 217, 366}, {-152, 202, 319}, {-154, 171, 290}, {-166, 138, 271}, {-175, 94, 277},
    {-185, 54, 300},  {-199, 30, 339},  {-221, 41, 386},  {-240, 64, 425},  {-253, 106, 446},
    {-249, 145, 438}, {-220, 194, 411}, {-195, 217, 376}, {-176, 208, 341}, {-171, 178, 308},
    {-179, 133, 288}, {-180, 84, 293},  {-172, 54, 317},  {-170, 52, 357},  {-172, 65, 394},
    {-178, 89, 423},  {-183, 130, 445}, {-178, 178, 435}, {-153, 231, 405}, {-134, 250, 362},
    {-114, 239, 309}, {-106, 203, 265}, {-107, 150, 247}, {-108, 98, 257},  {-112, 47, 291},
    {-107, 24, 338},  {-102, 34, 392},  {-97, 53, 445},   {-95, 109, 481},  {-89, 172, 483},
    {-62, 252, 449},  {-33, 292, 389},  {-10, 303, 315},  {-3, 271, 247},   {-14, 198, 200},
    {-21, 130, 189},  {-19, 51, 204},   {-12, -6, 254},   {-15, -46, 330},  {-26, -12, 416},
    {-37, 34, 478},   {-46, 105, 510},  {-34, 193, 507},  {-14, 263, 470},  {2, 305, 411},
    {11, 301, 332},   {11, 275, 268},   {12, 227, 225},   {9, 139, 202},    {6, 71, 218},
    {-3, 8, 268},     {-14, -13, 337},  {-18, 2, 402},    {-19, 31, 446},   {-5, 83, 478},
    {22, 154, 479},   {47, 206, 454},   {58, 225, 416},   {56, 219, 372},   {51, 200, 337},
    {46, 157, 310},   {45, 118, 305},   {47, 73, 322},    {42, 58, 364},    {33, 79, 409},
    {29, 108, 436},   {36, 149, 442},   {59, 196, 433},   {79, 227, 402},   {90, 232, 359},
    {94, 195, 322},   {84, 146, 316},   {76, 114, 319},   {74, 93, 343},    {70, 103, 381},
    {58, 106, 401},   {40, 148, 416},   {26, 173, 413},   {12, 194, 400},   {10, 215, 374},
    {8, 223, 352},    {-8, 191, 329},   {-21, 177, 326},  {-21, 177, 326},  {-21, 177, 326}};

}  // namespace

const EarthOrientationTable& built_in_earth_orientation() {
  static const EarthOrientationTable table = [] {
    EarthOrientationTable made;
    double mjd = first_mjd;
    for (const Row& row : rows) {
      made.mjd.push_back(mjd);
      made.orientation.push_back({row.ut1_minus_utc * 1e-3, row.x * 1e-3, row.y * 1e-3});
      mjd += step;
    }
    return made;
  }();
  return table;
}

EarthOrientation orientation_at(const EarthOrientationTable& table, double mjd) {
  if (table.mjd.empty() || table.mjd.size() != table.orientation.size())
    throw Error(ErrorKind::bug, "the table of the Earth's orientation is empty or uneven");
  const auto after = std::upper_bound(table.mjd.begin(), table.mjd.end(), mjd);
  if (after == table.mjd.begin()) return table.orientation.front();
  if (after == table.mjd.end()) return table.orientation.back();
  const auto i = std::size_t(after - table.mjd.begin()) - 1;
  const EarthOrientation &a = table.orientation[i], &b = table.orientation[i + 1];
  const double weight = (mjd - table.mjd[i]) / (table.mjd[i + 1] - table.mjd[i]);
  double change = b.ut1_minus_utc - a.ut1_minus_utc;
  change -= std::nearbyint(change);  // a leap second between the two
  return {a.ut1_minus_utc + weight * change, a.x + weight * (b.x - a.x),
          a.y + weight * (b.y - a.y)};
}

}  // namespace alisio::sky
