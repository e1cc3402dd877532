// Prints what an exported detector finds in a picture, without Python:
//   detect EXPORT_DIR/VERSION IMAGE [SCORE_THRESHOLD]
// One line per object: score, ymin, xmin, ymax, xmax (0..1), name.
// tensorflow::LoadSavedModel is what the loader of TF Serving stands on.
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/platform/env.h"

int fail(const std::string& what, const absl::Status& why) {
  std::cerr << "error: " << what << ": " << why.message() << "\n";
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: detect EXPORT_DIR/VERSION IMAGE [SCORE_THRESHOLD]\n";
    return 2;
  }
  const float threshold = argc > 3 ? std::strtof(argv[3], nullptr) : 0.4f;

  std::string encoded;
  absl::Status status = tensorflow::ReadFileToString(
      tensorflow::Env::Default(), argv[2], &encoded);
  if (!status.ok()) return fail(argv[2], status);
  tensorflow::Tensor image(tensorflow::DT_STRING, {1});
  image.vec<tensorflow::tstring>()(0) = encoded;

  tensorflow::SavedModelBundle model;
  status = tensorflow::LoadSavedModel({}, {}, argv[1], {"serve"}, &model);
  if (!status.ok()) return fail(argv[1], status);
  const auto& signature = model.GetSignatures().at("serving_default");
  std::vector<std::string> fetches;
  for (const char* name : {"num_detections", "detection_scores",
                           "detection_boxes", "detection_class_names"})
    fetches.push_back(signature.outputs().at(name).name());

  std::vector<tensorflow::Tensor> found;
  const std::string& feed = signature.inputs().at("input_tensor").name();
  status = model.session->Run({{feed, image}}, fetches, {}, &found);
  if (!status.ok()) return fail(argv[2], status);
  const auto scores = found[1].matrix<float>();               // [1, K]
  const auto boxes = found[2].tensor<float, 3>();             // [1, K, 4]
  const auto names = found[3].matrix<tensorflow::tstring>();  // [1, K]
  std::cout.precision(9);  // a float32, whole
  for (int k = 0; k < found[0].vec<float>()(0); ++k) {
    if (scores(0, k) < threshold) break;  // the others score less
    std::cout << scores(0, k);
    for (int i = 0; i < 4; ++i) std::cout << " " << boxes(0, k, i);
    std::cout << " " << names(0, k) << "\n";
  }
}
