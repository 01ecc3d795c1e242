{% test sensors_are_all_there(model) %}
-- No more good sensors than there are, and at least one sensor.
select * from {{ model }} where good_sensors > sensors or sensors < 1
{% endtest %}
