// Affect of a stream of face crops, frame by frame: the stream graph of a bundle in OpenVINO, and nothing else.
//
//   ./affect_stream bundle/stream.fp32.onnx < frames.rgb
//
// Standard input holds uint8 RGB planes [3, side, side], one frame after another, at the rate that bundle.json names.
// A line "valence arousal" is written for each. Check the bundle first: sha256sum --check bundle.sha256.
#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <string>

#include <openvino/openvino.hpp>

namespace {

class AffectStream {
public:
    explicit AffectStream(const std::string& file) {
        ov::Core core;
        compiled_ = core.compile_model(file, "CPU", ov::inference_num_threads(1), ov::num_streams(1),
                                       ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY),
                                       ov::hint::inference_precision(ov::element::f32));
        request_ = compiled_.create_infer_request();
        frames_ = request_.get_tensor("frames");
        for (const auto& port : compiled_.inputs()) {
            const std::string name = port.get_any_name();
            if (name == "frames") continue;
            // The state goes to and fro between two places: no number of it is copied.
            for (auto& place : places_) place[name] = ov::Tensor(port.get_element_type(), port.get_shape());
        }
        reset();
    }

    std::size_t frame_size() const { return frames_.get_byte_size(); }
    char* frame() { return reinterpret_cast<char*>(frames_.data<std::uint8_t>()); }

    // Another recording, or another person, begins.
    void reset() {
        for (auto& place : places_)
            for (auto& [name, state] : place) std::fill_n(state.data<float>(), state.get_size(), 0.0f);
    }

    // Valence and arousal of what lies in frame(), both in [-1, 1].
    std::array<float, 2> step() {
        auto& before = places_[count_ % 2];
        auto& after = places_[++count_ % 2];
        for (auto& [name, state] : before) request_.set_tensor(name, state);
        for (auto& [name, state] : after) request_.set_tensor(name + "_out", state);
        request_.infer();
        const float* affect = request_.get_tensor("affect").data<float>();
        return {affect[0], affect[1]};
    }

private:
    ov::CompiledModel compiled_;
    ov::InferRequest request_;
    ov::Tensor frames_;
    std::array<std::map<std::string, ov::Tensor>, 2> places_;
    std::size_t count_ = 0;
};

}  // namespace

int main(int count, char** words) {
    if (count != 2) {
        std::cerr << "usage: affect_stream STREAM.onnx < FRAMES\n";
        return 2;
    }
    try {
        AffectStream stream(words[1]);
        while (std::cin.read(stream.frame(), static_cast<std::streamsize>(stream.frame_size()))) {
            const auto [valence, arousal] = stream.step();
            std::cout << valence << ' ' << arousal << '\n';
        }
    } catch (const std::exception& fault) {
        std::cerr << "affect_stream: " << fault.what() << '\n';
        return 1;
    }
}
