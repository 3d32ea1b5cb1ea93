"""`mmk12 convert`: InternVL between the layout of its publisher and the layout of transformers and verl.

*Remote* is OpenGVLab's `InternVLChatModel` (InternVL2.5 and 3, MM-Eureka), whose Python files come with the weights.
*Native* is transformers' `InternVLForConditionalGeneration` (repositories that end in -hf). Both hold the same numbers.

convert           the conversion of a folder, and the check that transformers would load the result
internvl_config   config.json in either layout
config_keys       the keys of both layouts, and what only one of them can express
tensors           which tensors of one layout correspond to which of the other
weights           safetensors in, safetensors out, one shard in memory
tokenizer         tokenizer, chat template and image processor in either layout

Sources: transformers' `convert_internvl_weights_to_hf.py` and OpenGVLab's `internvl_chat/internvl/model`.
"""
