// The xgboost library, opened when the first boosted model is trained and not before: a consumer never
// trains, and being linked it costs each process 4 MB of private memory and 10 ms of its start. Internal to
// this room.
#pragma once

#include <xgboost/c_api.h>

#include <string>

namespace drst::trees {

/// Its functions that we call, under their own names.
struct Xgboost {
  decltype(&::XGBGetLastError) XGBGetLastError;
  decltype(&::XGDMatrixCreateFromMat) XGDMatrixCreateFromMat;
  decltype(&::XGDMatrixSetFloatInfo) XGDMatrixSetFloatInfo;
  decltype(&::XGDMatrixFree) XGDMatrixFree;
  decltype(&::XGBoosterCreate) XGBoosterCreate;
  decltype(&::XGBoosterFree) XGBoosterFree;
  decltype(&::XGBoosterSetParam) XGBoosterSetParam;
  decltype(&::XGBoosterUpdateOneIter) XGBoosterUpdateOneIter;
  decltype(&::XGBoosterSaveModelToBuffer) XGBoosterSaveModelToBuffer;
};

/// Opens the shared library `file`, for good (its threads outlive a training). FailedError: it is not there,
/// or lacks one of the functions.
Xgboost open_xgboost(const std::string& file);
/// The one whose header this was built with. Thread-safe; one that failed is tried again.
const Xgboost& xgboost();

}  // namespace drst::trees
