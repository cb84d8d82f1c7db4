from analogsim.call import Inputs, map_tensors, tensors_in

__all__ = ["Inputs", "map_tensors", "tensors_in"]
